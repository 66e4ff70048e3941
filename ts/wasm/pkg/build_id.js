export const buildId = 'dd87ae136b7d';
