export const buildId = 'b3bc786fd48d';
