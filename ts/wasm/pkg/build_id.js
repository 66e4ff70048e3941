export const buildId = '78d4983afa2a';
