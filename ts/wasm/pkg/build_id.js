export const buildId = '8242e2bd4c0e';
