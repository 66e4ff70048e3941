export const buildId = '6128a4681a7d';
