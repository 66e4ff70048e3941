export const buildId = '7f12b32ea013';
