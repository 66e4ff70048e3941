export const buildId = '1c1abc4bdf03';
