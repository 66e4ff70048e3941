export const buildId = '471503569c6d';
