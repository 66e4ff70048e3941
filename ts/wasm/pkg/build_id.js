export const buildId = 'e6c0fc194f02';
