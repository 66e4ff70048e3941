export const buildId = '2ca6061cc5c9';
