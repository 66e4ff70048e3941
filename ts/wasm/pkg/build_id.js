export const buildId = 'deacb75002c6';
