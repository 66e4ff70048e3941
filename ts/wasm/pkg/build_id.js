export const buildId = 'fea366beebb5';
