export const buildId = '5955c7f82b14';
