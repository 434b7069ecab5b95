/** The opcodes of Python's pickles that plain values need, by the names that its module `pickletools` gives them. */
export const opcodes = {
  MARK: 0x28,
  EMPTY_TUPLE: 0x29,
  STOP: 0x2e,
  FLOAT: 0x46,
  BINFLOAT: 0x47,
  INT: 0x49,
  BININT: 0x4a,
  BININT1: 0x4b,
  LONG: 0x4c,
  BININT2: 0x4d,
  NONE: 0x4e,
  UNICODE: 0x56,
  BINUNICODE: 0x58,
  EMPTY_LIST: 0x5d,
  APPEND: 0x61,
  DICT: 0x64,
  APPENDS: 0x65,
  GET: 0x67,
  BINGET: 0x68,
  LONG_BINGET: 0x6a,
  LIST: 0x6c,
  PUT: 0x70,
  BINPUT: 0x71,
  LONG_BINPUT: 0x72,
  SETITEM: 0x73,
  TUPLE: 0x74,
  SETITEMS: 0x75,
  EMPTY_DICT: 0x7d,
  PROTO: 0x80,
  TUPLE1: 0x85,
  TUPLE2: 0x86,
  TUPLE3: 0x87,
  NEWTRUE: 0x88,
  NEWFALSE: 0x89,
  LONG1: 0x8a,
  LONG4: 0x8b,
  SHORT_BINUNICODE: 0x8c,
  BINUNICODE8: 0x8d,
  MEMOIZE: 0x94,
  FRAME: 0x95,
} as const;

/** Opcodes that name a class or a function. */
export const naming = { GLOBAL: 0x63, INST: 0x69, STACK_GLOBAL: 0x93 } as const;

/** Opcodes for which Python calls something: REDUCE, BUILD, OBJ, NEWOBJ, EXT1 and the like. */
export const calling: ReadonlySet<number> = new Set([
  ...[0x50, 0x51, 0x52, 0x62, 0x6f],
  ...[0x81, 0x82, 0x83, 0x84, 0x92, 0x97, 0x98],
]);

/** What opcodes make that JSON does not have. */
export const withoutJson: ReadonlyMap<number, string> = new Map([
  ...[0x42, 0x43, 0x8e].map((opcode) => [opcode, 'bytes'] as const),
  [0x96, 'a bytearray'],
  ...[0x8f, 0x90].map((opcode) => [opcode, 'a set'] as const),
  [0x91, 'a frozenset'],
  ...[0x53, 0x54, 0x55].map((opcode) => [opcode, 'the text of a Python 2'] as const),
]);
