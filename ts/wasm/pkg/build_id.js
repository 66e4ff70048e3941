export const buildId = '117b55a413ac';
