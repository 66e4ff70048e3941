export const buildId = '3f2a92f30aab';
