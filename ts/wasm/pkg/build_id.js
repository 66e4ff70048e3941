export const buildId = 'cabb6a177a44';
