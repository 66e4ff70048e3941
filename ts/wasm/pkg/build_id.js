export const buildId = 'c4c6edbf898e';
