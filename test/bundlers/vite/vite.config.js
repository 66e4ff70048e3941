import { version } from 'vite';

// Vite 5 to 7 move what they serve while developing, and 5 and 6 compile for browsers without top-level await.
export default Number(version.split('.')[0]) < 8 ? { optimizeDeps: { exclude: ['pixelcnn'] } } : {};
