export const buildId = '0604b31a7b0e';
