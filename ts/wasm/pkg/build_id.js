export const buildId = '8511e149b581';
