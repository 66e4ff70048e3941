export const buildId = 'b0177e586f27';
