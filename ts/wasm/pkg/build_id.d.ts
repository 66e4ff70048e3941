export declare const buildId: string;
