export const smallPng = (png) => png;
