export const buildId = '1da84845246d';
