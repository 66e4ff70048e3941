export const buildId = 'c64d6378ef79';
