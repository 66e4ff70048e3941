export const buildId = '61f117361ae6';
