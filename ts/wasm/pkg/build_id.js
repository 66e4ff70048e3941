export const buildId = 'a7b01d65cd1e';
