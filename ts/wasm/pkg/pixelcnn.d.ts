/* tslint:disable */
/* eslint-disable */

/**
 * One walk over some images.
 */
export class Run {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Runs to the end.
     */
    finish(): void;
    /**
     * The last front: image (from 0 within the run), pixel (raster index), value, one after the other.
     */
    front(): Uint32Array;
    /**
     * The logits of the last front, pixel by pixel.
     */
    front_logits(): Float32Array;
    /**
     * Multiply-adds issued so far by each layer.
     */
    layer_macs(): Float64Array;
    /**
     * Rows of each layer that were met, that were new, and that were kept apart, `[layer, 3]`; 0 for a layer whose rows follow from
     * another's.
     */
    layer_rows(): Float64Array;
    /**
     * All logits of given images; empty for drawn ones.
     */
    logits(): Float32Array;
    /**
     * Multiply-adds issued so far.
     */
    macs(): number;
    /**
     * What each pixel cost, in nats at temperature 1.
     */
    nats(): Float32Array;
    /**
     * All pixels as levels.
     */
    pixels(): Uint8Array | Uint16Array;
    /**
     * Bytes of activations kept for its images, and the most that rows take which are remembered.
     */
    state_bytes(): Float64Array;
    /**
     * Computes the next front; how many pixels it held, 0 once all is done.
     */
    step(): number;
    /**
     * As `step`; calls `after` with the index of each layer once it is computed. For profiles: the caller has the clock.
     */
    step_layers(after: (layer: number) => void): number;
}

/**
 * A model, ready to run.
 */
export class Sampler {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * The config, as JSON.
     */
    config(): string;
    /**
     * What follows from the config, as JSON.
     */
    describe(): string;
    /**
     * The file's metadata, as JSON.
     */
    metadata(): string;
    /**
     * Reads a model file. The model, and each run with it, may take `memory_limit` bytes; 4 GiB where none are given. Of these `rows`
     * at most are for rows that are remembered; as many as the core thinks best where none are given.
     */
    constructor(model: Uint8Array, memory_limit?: number | null, rows?: number | null);
    /**
     * Starts drawing images. `skipping` is `none`, `rows` or `all`, the default. `labels` are the classes of images, one for
     * each, in a net with classes; `given` are the levels of one image for all, or of each, 65535 where one is to be drawn.
     */
    sample(count: number, seed: number, start_index: number, temperature: number, method: string, skipping?: string | null, labels?: Uint8Array | Uint16Array | null, given?: Uint8Array | Uint16Array | null): Run;
    /**
     * Starts a walk over given images, of these classes in a net with classes.
     */
    score(pixels: Uint8Array | Uint16Array, method: string, skipping?: string | null, labels?: Uint8Array | Uint16Array | null): Run;
    /**
     * All tensors in the order of `describe`, logical kernels, one after the other; only in f32.
     */
    weights(): Float32Array;
}

/**
 * What follows from a config: layers, tensors, schedule, cost. JSON in, JSON out.
 */
export function describe(config_json: string): string;

/**
 * What images cost whose class is not known: of -ln p(x | y), `[classes, images]`, -ln p(x) and then each p(y | x), `[images,
 * 1 + classes]`.
 */
export function mixture(nats: Float64Array, classes: number): Float64Array;

/**
 * The model file with its hidden channels in the order of their activity on images. `images` are levels, whole images; `metadata_json`, an object of strings, is added to the file's own.
 */
export function optimize(model: Uint8Array, images: Uint8Array | Uint16Array, metadata_json: string, memory_limit?: number | null): Uint8Array;

/**
 * The model file in integers. `images` are levels, whole images, that show how large activations get, and `labels` their classes;
 * without them a net with classes takes one after the other. `metadata_json`, an object of strings, is added to the file's own.
 */
export function quantize(model: Uint8Array, images: Uint8Array | Uint16Array, metadata_json: string, memory_limit?: number | null, labels?: Uint8Array | Uint16Array | null): Uint8Array;

/**
 * `count` words of Philox4x32-10 for one item of one epoch; purposes: 1 initialise, 2 shuffle, 3 binarise.
 */
export function random_words(seed: number, purpose: number, epoch: number, item: number, count: number): Uint32Array;

/**
 * The version of how seeds become images: see [`pixelcnn::rng::SEED_CONTRACT`].
 */
export function seed_contract(): number;

/**
 * `simd128`, or `scalar` where the build lost its flag.
 */
export function simd_backend(): string;

/**
 * The bytes of a model file. `metadata_json` is an object of strings; `weights` are all tensors in the order of
 * `describe`, logical kernels, one after the other.
 */
export function write_model(config_json: string, metadata_json: string, weights: Float32Array): Uint8Array;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbg_run_free: (a: number, b: number) => void;
    readonly __wbg_sampler_free: (a: number, b: number) => void;
    readonly describe: (a: any) => [number, number, number, number];
    readonly mixture: (a: any, b: number) => [number, number, number];
    readonly optimize: (a: any, b: any, c: any, d: number, e: number) => [number, number, number];
    readonly quantize: (a: any, b: any, c: any, d: number, e: number, f: number) => [number, number, number];
    readonly random_words: (a: number, b: number, c: number, d: number, e: number) => [number, number, number];
    readonly run_finish: (a: number) => [number, number];
    readonly run_front: (a: number) => [number, number, number];
    readonly run_front_logits: (a: number) => [number, number, number];
    readonly run_layer_macs: (a: number) => [number, number, number];
    readonly run_layer_rows: (a: number) => [number, number, number];
    readonly run_logits: (a: number) => [number, number, number];
    readonly run_macs: (a: number) => number;
    readonly run_nats: (a: number) => [number, number, number];
    readonly run_pixels: (a: number) => [number, number, number];
    readonly run_state_bytes: (a: number) => [number, number, number];
    readonly run_step: (a: number) => [number, number, number];
    readonly run_step_layers: (a: number, b: any) => [number, number, number];
    readonly sampler_config: (a: number) => [number, number];
    readonly sampler_describe: (a: number) => [number, number, number, number];
    readonly sampler_metadata: (a: number) => [number, number, number, number];
    readonly sampler_new: (a: any, b: number, c: number, d: number, e: number) => [number, number, number];
    readonly sampler_sample: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number) => [number, number, number];
    readonly sampler_score: (a: number, b: any, c: number, d: number, e: number, f: number, g: number) => [number, number, number];
    readonly sampler_weights: (a: number) => [number, number, number];
    readonly seed_contract: () => number;
    readonly simd_backend: () => [number, number];
    readonly write_model: (a: any, b: any, c: any) => [number, number, number];
    readonly __wbindgen_malloc: (a: number, b: number) => number;
    readonly __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
    readonly __wbindgen_free: (a: number, b: number, c: number) => void;
    readonly __wbindgen_exn_store: (a: number) => void;
    readonly __externref_table_alloc: () => number;
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __externref_table_dealloc: (a: number) => void;
    readonly __wbindgen_start: () => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path?: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;
