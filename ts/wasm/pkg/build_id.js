export const buildId = 'e9c9c4b7b245';
