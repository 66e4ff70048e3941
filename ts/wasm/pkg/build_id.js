export const buildId = '9100c37943e2';
