/* @ts-self-types="./pixelcnn.d.ts" */

/**
 * One walk over some images.
 */
export class Run {
    static __wrap(ptr) {
        const obj = Object.create(Run.prototype);
        obj.__wbg_ptr = ptr;
        RunFinalization.register(obj, obj.__wbg_ptr, obj);
        return obj;
    }
    __destroy_into_raw() {
        const ptr = this.__wbg_ptr;
        this.__wbg_ptr = 0;
        RunFinalization.unregister(this);
        return ptr;
    }
    free() {
        const ptr = this.__destroy_into_raw();
        wasm.__wbg_run_free(ptr, 0);
    }
    /**
     * Runs to the end.
     */
    finish() {
        const ret = wasm.run_finish(this.__wbg_ptr);
        if (ret[1]) {
            throw takeFromExternrefTable0(ret[0]);
        }
    }
    /**
     * The last front: image (from 0 within the run), pixel (raster index), value, one after the other.
     * @returns {Uint32Array}
     */
    front() {
        const ret = wasm.run_front(this.__wbg_ptr);
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        return takeFromExternrefTable0(ret[0]);
    }
    /**
     * The logits of the last front, pixel by pixel.
     * @returns {Float32Array}
     */
    front_logits() {
        const ret = wasm.run_front_logits(this.__wbg_ptr);
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        return takeFromExternrefTable0(ret[0]);
    }
    /**
     * Multiply-adds issued so far by each layer.
     * @returns {Float64Array}
     */
    layer_macs() {
        const ret = wasm.run_layer_macs(this.__wbg_ptr);
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        return takeFromExternrefTable0(ret[0]);
    }
    /**
     * Rows of each layer that were met, that were new, and that were kept apart, `[layer, 3]`; 0 for a layer whose rows follow from
     * another's.
     * @returns {Float64Array}
     */
    layer_rows() {
        const ret = wasm.run_layer_rows(this.__wbg_ptr);
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        return takeFromExternrefTable0(ret[0]);
    }
    /**
     * All logits of given images; empty for drawn ones.
     * @returns {Float32Array}
     */
    logits() {
        const ret = wasm.run_logits(this.__wbg_ptr);
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        return takeFromExternrefTable0(ret[0]);
    }
    /**
     * Multiply-adds issued so far.
     * @returns {number}
     */
    macs() {
        const ret = wasm.run_macs(this.__wbg_ptr);
        return ret;
    }
    /**
     * What each pixel cost, in nats at temperature 1.
     * @returns {Float32Array}
     */
    nats() {
        const ret = wasm.run_nats(this.__wbg_ptr);
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        return takeFromExternrefTable0(ret[0]);
    }
    /**
     * All pixels as levels.
     * @returns {Uint8Array | Uint16Array}
     */
    pixels() {
        const ret = wasm.run_pixels(this.__wbg_ptr);
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        return takeFromExternrefTable0(ret[0]);
    }
    /**
     * Bytes of activations kept for its images, and the most that rows take which are remembered.
     * @returns {Float64Array}
     */
    state_bytes() {
        const ret = wasm.run_state_bytes(this.__wbg_ptr);
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        return takeFromExternrefTable0(ret[0]);
    }
    /**
     * Computes the next front; how many pixels it held, 0 once all is done.
     * @returns {number}
     */
    step() {
        const ret = wasm.run_step(this.__wbg_ptr);
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        return ret[0] >>> 0;
    }
    /**
     * As `step`; calls `after` with the index of each layer once it is computed. For profiles: the caller has the clock.
     * @param {(layer: number) => void} after
     * @returns {number}
     */
    step_layers(after) {
        const ret = wasm.run_step_layers(this.__wbg_ptr, after);
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        return ret[0] >>> 0;
    }
}
if (Symbol.dispose) Run.prototype[Symbol.dispose] = Run.prototype.free;

/**
 * A model, ready to run.
 */
export class Sampler {
    __destroy_into_raw() {
        const ptr = this.__wbg_ptr;
        this.__wbg_ptr = 0;
        SamplerFinalization.unregister(this);
        return ptr;
    }
    free() {
        const ptr = this.__destroy_into_raw();
        wasm.__wbg_sampler_free(ptr, 0);
    }
    /**
     * The config, as JSON.
     * @returns {string}
     */
    config() {
        let deferred1_0;
        let deferred1_1;
        try {
            const ret = wasm.sampler_config(this.__wbg_ptr);
            deferred1_0 = ret[0];
            deferred1_1 = ret[1];
            return getStringFromWasm0(ret[0], ret[1]);
        } finally {
            wasm.__wbindgen_free(deferred1_0, deferred1_1, 1);
        }
    }
    /**
     * What follows from the config, as JSON.
     * @returns {string}
     */
    describe() {
        let deferred2_0;
        let deferred2_1;
        try {
            const ret = wasm.sampler_describe(this.__wbg_ptr);
            var ptr1 = ret[0];
            var len1 = ret[1];
            if (ret[3]) {
                ptr1 = 0; len1 = 0;
                throw takeFromExternrefTable0(ret[2]);
            }
            deferred2_0 = ptr1;
            deferred2_1 = len1;
            return getStringFromWasm0(ptr1, len1);
        } finally {
            wasm.__wbindgen_free(deferred2_0, deferred2_1, 1);
        }
    }
    /**
     * The file's metadata, as JSON.
     * @returns {string}
     */
    metadata() {
        let deferred2_0;
        let deferred2_1;
        try {
            const ret = wasm.sampler_metadata(this.__wbg_ptr);
            var ptr1 = ret[0];
            var len1 = ret[1];
            if (ret[3]) {
                ptr1 = 0; len1 = 0;
                throw takeFromExternrefTable0(ret[2]);
            }
            deferred2_0 = ptr1;
            deferred2_1 = len1;
            return getStringFromWasm0(ptr1, len1);
        } finally {
            wasm.__wbindgen_free(deferred2_0, deferred2_1, 1);
        }
    }
    /**
     * Reads a model file. The model, and each run with it, may take `memory_limit` bytes; 4 GiB where none are given. Of these `rows`
     * at most are for rows that are remembered; as many as the core thinks best where none are given.
     * @param {Uint8Array} model
     * @param {number | null} [memory_limit]
     * @param {number | null} [rows]
     */
    constructor(model, memory_limit, rows) {
        const ret = wasm.sampler_new(model, !isLikeNone(memory_limit), isLikeNone(memory_limit) ? 0 : memory_limit, !isLikeNone(rows), isLikeNone(rows) ? 0 : rows);
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        this.__wbg_ptr = ret[0];
        SamplerFinalization.register(this, this.__wbg_ptr, this);
        return this;
    }
    /**
     * Starts drawing images. `skipping` is `none`, `rows` or `all`, the default. `labels` are the classes of images, one for
     * each, in a net with classes; `given` are the levels of one image for all, or of each, 65535 where one is to be drawn.
     * @param {number} count
     * @param {number} seed
     * @param {number} start_index
     * @param {number} temperature
     * @param {string} method
     * @param {string | null} [skipping]
     * @param {Uint8Array | Uint16Array | null} [labels]
     * @param {Uint8Array | Uint16Array | null} [given]
     * @returns {Run}
     */
    sample(count, seed, start_index, temperature, method, skipping, labels, given) {
        const val3 = +count;
        const val4 = +seed;
        const val5 = +start_index;
        const val6 = +temperature;
        let ptr0, len0, ptr1, len1;
        try {
            ptr0 = passStringToWasm0(method, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
            len0 = WASM_VECTOR_LEN;
            ptr1 = isLikeNone(skipping) ? 0 : passStringToWasm0(skipping, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
            len1 = WASM_VECTOR_LEN;
        } catch (e) {
            if (ptr1) { wasm.__wbindgen_free(ptr1, len1 * 1, 1); }
            if (ptr0) { wasm.__wbindgen_free(ptr0, len0 * 1, 1); }
            throw e;
        }
        const ret = wasm.sampler_sample(this.__wbg_ptr, val3, val4, val5, val6, ptr0, len0, ptr1, len1, isLikeNone(labels) ? 0 : addToExternrefTable0(labels), isLikeNone(given) ? 0 : addToExternrefTable0(given));
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        return Run.__wrap(ret[0]);
    }
    /**
     * Starts a walk over given images, of these classes in a net with classes.
     * @param {Uint8Array | Uint16Array} pixels
     * @param {string} method
     * @param {string | null} [skipping]
     * @param {Uint8Array | Uint16Array | null} [labels]
     * @returns {Run}
     */
    score(pixels, method, skipping, labels) {
        let ptr0, len0, ptr1, len1;
        try {
            ptr0 = passStringToWasm0(method, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
            len0 = WASM_VECTOR_LEN;
            ptr1 = isLikeNone(skipping) ? 0 : passStringToWasm0(skipping, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
            len1 = WASM_VECTOR_LEN;
        } catch (e) {
            if (ptr1) { wasm.__wbindgen_free(ptr1, len1 * 1, 1); }
            if (ptr0) { wasm.__wbindgen_free(ptr0, len0 * 1, 1); }
            throw e;
        }
        const ret = wasm.sampler_score(this.__wbg_ptr, pixels, ptr0, len0, ptr1, len1, isLikeNone(labels) ? 0 : addToExternrefTable0(labels));
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        return Run.__wrap(ret[0]);
    }
    /**
     * All tensors in the order of `describe`, logical kernels, one after the other; only in f32.
     * @returns {Float32Array}
     */
    weights() {
        const ret = wasm.sampler_weights(this.__wbg_ptr);
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        return takeFromExternrefTable0(ret[0]);
    }
}
if (Symbol.dispose) Sampler.prototype[Symbol.dispose] = Sampler.prototype.free;

/**
 * What follows from a config: layers, tensors, schedule, cost. JSON in, JSON out.
 * @param {string} config_json
 * @returns {string}
 */
export function describe(config_json) {
    let deferred2_0;
    let deferred2_1;
    try {
        const ret = wasm.describe(config_json);
        var ptr1 = ret[0];
        var len1 = ret[1];
        if (ret[3]) {
            ptr1 = 0; len1 = 0;
            throw takeFromExternrefTable0(ret[2]);
        }
        deferred2_0 = ptr1;
        deferred2_1 = len1;
        return getStringFromWasm0(ptr1, len1);
    } finally {
        wasm.__wbindgen_free(deferred2_0, deferred2_1, 1);
    }
}

/**
 * What images cost whose class is not known: of -ln p(x | y), `[classes, images]`, -ln p(x) and then each p(y | x), `[images,
 * 1 + classes]`.
 * @param {Float64Array} nats
 * @param {number} classes
 * @returns {Float64Array}
 */
export function mixture(nats, classes) {
    const ret = wasm.mixture(nats, classes);
    if (ret[2]) {
        throw takeFromExternrefTable0(ret[1]);
    }
    return takeFromExternrefTable0(ret[0]);
}

/**
 * The model file with its hidden channels in the order of their activity on images. `images` are levels, whole images; `metadata_json`, an object of strings, is added to the file's own.
 * @param {Uint8Array} model
 * @param {Uint8Array | Uint16Array} images
 * @param {string} metadata_json
 * @param {number | null} [memory_limit]
 * @returns {Uint8Array}
 */
export function optimize(model, images, metadata_json, memory_limit) {
    const ret = wasm.optimize(model, images, metadata_json, !isLikeNone(memory_limit), isLikeNone(memory_limit) ? 0 : memory_limit);
    if (ret[2]) {
        throw takeFromExternrefTable0(ret[1]);
    }
    return takeFromExternrefTable0(ret[0]);
}

/**
 * The model file in integers. `images` are levels, whole images, that show how large activations get, and `labels` their classes;
 * without them a net with classes takes one after the other. `metadata_json`, an object of strings, is added to the file's own.
 * @param {Uint8Array} model
 * @param {Uint8Array | Uint16Array} images
 * @param {string} metadata_json
 * @param {number | null} [memory_limit]
 * @param {Uint8Array | Uint16Array | null} [labels]
 * @returns {Uint8Array}
 */
export function quantize(model, images, metadata_json, memory_limit, labels) {
    const val1 = +(isLikeNone(memory_limit) ? 0 : memory_limit);
    const ret = wasm.quantize(model, images, metadata_json, !isLikeNone(memory_limit), val1, isLikeNone(labels) ? 0 : addToExternrefTable0(labels));
    if (ret[2]) {
        throw takeFromExternrefTable0(ret[1]);
    }
    return takeFromExternrefTable0(ret[0]);
}

/**
 * `count` words of Philox4x32-10 for one item of one epoch; purposes: 1 initialise, 2 shuffle, 3 binarise.
 * @param {number} seed
 * @param {number} purpose
 * @param {number} epoch
 * @param {number} item
 * @param {number} count
 * @returns {Uint32Array}
 */
export function random_words(seed, purpose, epoch, item, count) {
    const ret = wasm.random_words(seed, purpose, epoch, item, count);
    if (ret[2]) {
        throw takeFromExternrefTable0(ret[1]);
    }
    return takeFromExternrefTable0(ret[0]);
}

/**
 * The version of how seeds become images: see [`pixelcnn::rng::SEED_CONTRACT`].
 * @returns {number}
 */
export function seed_contract() {
    const ret = wasm.seed_contract();
    return ret >>> 0;
}

/**
 * `simd128`, or `scalar` where the build lost its flag.
 * @returns {string}
 */
export function simd_backend() {
    let deferred1_0;
    let deferred1_1;
    try {
        const ret = wasm.simd_backend();
        deferred1_0 = ret[0];
        deferred1_1 = ret[1];
        return getStringFromWasm0(ret[0], ret[1]);
    } finally {
        wasm.__wbindgen_free(deferred1_0, deferred1_1, 1);
    }
}

/**
 * The bytes of a model file. `metadata_json` is an object of strings; `weights` are all tensors in the order of
 * `describe`, logical kernels, one after the other.
 * @param {string} config_json
 * @param {string} metadata_json
 * @param {Float32Array} weights
 * @returns {Uint8Array}
 */
export function write_model(config_json, metadata_json, weights) {
    const ret = wasm.write_model(config_json, metadata_json, weights);
    if (ret[2]) {
        throw takeFromExternrefTable0(ret[1]);
    }
    return takeFromExternrefTable0(ret[0]);
}
function __wbg_get_imports() {
    const import0 = {
        __proto__: null,
        __wbg___wbindgen_string_get_7ce8eee7fd327545: function(arg0, arg1) {
            const obj = arg1;
            const ret = typeof(obj) === 'string' ? obj : undefined;
            var ptr1 = isLikeNone(ret) ? 0 : passStringToWasm0(ret, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
            var len1 = WASM_VECTOR_LEN;
            getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 1, len1, true);
            getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, ptr1, true);
        },
        __wbg___wbindgen_throw_4c88d8bf264fd984: function(arg0, arg1) {
            throw new Error(getStringFromWasm0(arg0, arg1));
        },
        __wbg_call_6644580d575aa298: function(arg0, arg1, arg2) {
            arg0.call(arg1, arg2 >>> 0);
        },
        __wbg_length_52e3837c62199728: function(arg0) {
            const ret = arg0.length;
            return ret;
        },
        __wbg_length_598200474a74e670: function(arg0) {
            const ret = arg0.length;
            return ret;
        },
        __wbg_length_609d12da4e8be6ad: function(arg0) {
            const ret = arg0.length;
            return ret;
        },
        __wbg_length_cd00c6b29ea45b8d: function(arg0) {
            const ret = arg0.length;
            return ret;
        },
        __wbg_length_f07bcfd6f88cf884: function(arg0) {
            const ret = arg0.length;
            return ret;
        },
        __wbg_new_30b06e03f685253f: function() { return handleError(function (arg0) {
            const ret = new Float64Array(arg0);
            return ret;
        }, arguments); },
        __wbg_new_59c415fdc51b87a9: function() { return handleError(function (arg0) {
            const ret = new Uint32Array(arg0);
            return ret;
        }, arguments); },
        __wbg_new_5b0720f7bcbcaa0e: function() { return handleError(function (arg0) {
            const ret = new Float32Array(arg0);
            return ret;
        }, arguments); },
        __wbg_new_5c29024b5f380203: function(arg0, arg1) {
            const ret = new Error(getStringFromWasm0(arg0, arg1));
            return ret;
        },
        __wbg_new_b07870208488b54f: function() { return handleError(function (arg0) {
            const ret = new Uint16Array(arg0);
            return ret;
        }, arguments); },
        __wbg_new_b9731e0a4cc986b1: function() { return handleError(function (arg0) {
            const ret = new Uint8Array(arg0);
            return ret;
        }, arguments); },
        __wbg_prototypesetcall_35b18f2ff55f87c9: function() { return handleError(function (arg0, arg1, arg2) {
            Float64Array.prototype.set.call(getArrayF64FromWasm0(arg0, arg1), arg2);
        }, arguments); },
        __wbg_prototypesetcall_812c42e776d3d215: function() { return handleError(function (arg0, arg1, arg2) {
            Uint16Array.prototype.set.call(getArrayU16FromWasm0(arg0, arg1), arg2);
        }, arguments); },
        __wbg_prototypesetcall_8eb686f5da230208: function() { return handleError(function (arg0, arg1, arg2) {
            Uint8Array.prototype.set.call(getArrayU8FromWasm0(arg0, arg1), arg2);
        }, arguments); },
        __wbg_prototypesetcall_93569e4ee220579f: function() { return handleError(function (arg0, arg1, arg2) {
            Float32Array.prototype.set.call(getArrayF32FromWasm0(arg0, arg1), arg2);
        }, arguments); },
        __wbg_set_06d2d1cd14d073ba: function(arg0, arg1, arg2) {
            arg0.set(getArrayF32FromWasm0(arg1, arg2));
        },
        __wbg_set_6c6879d3a89bf80a: function(arg0, arg1, arg2, arg3, arg4) {
            const ret = Reflect.set(arg0, getStringFromWasm0(arg1, arg2), getStringFromWasm0(arg3, arg4));
            return ret;
        },
        __wbg_set_90149060c697c1c7: function(arg0, arg1, arg2) {
            arg0.set(getArrayU8FromWasm0(arg1, arg2));
        },
        __wbg_set_a8ed9fb9dd8e5c15: function(arg0, arg1, arg2) {
            arg0.set(getArrayU16FromWasm0(arg1, arg2));
        },
        __wbg_set_b7565b0f70a59291: function(arg0, arg1, arg2) {
            arg0.set(getArrayU16FromWasm0(arg1, arg2));
        },
        __wbg_set_bcd9c0d8c9fbdf5b: function(arg0, arg1, arg2) {
            arg0.set(getArrayU32FromWasm0(arg1, arg2));
        },
        __wbg_set_d69fc657e22796f9: function(arg0, arg1, arg2) {
            arg0.set(getArrayF64FromWasm0(arg1, arg2));
        },
        __wbindgen_init_externref_table: function() {
            const table = wasm.__wbindgen_externrefs;
            table.set(0, undefined);
            table.set(1024, undefined);
            table.set(1025, null);
            table.set(1026, true);
            table.set(1027, false);
        },
    };
    return {
        __proto__: null,
        "./pixelcnn_bg.js": import0,
    };
}

const RunFinalization = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(ptr => wasm.__wbg_run_free(ptr, 1));
const SamplerFinalization = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(ptr => wasm.__wbg_sampler_free(ptr, 1));

function addToExternrefTable0(obj) {
    const idx = wasm.__externref_table_alloc();
    wasm.__wbindgen_externrefs.set(idx, obj);
    return idx;
}

function getArrayF32FromWasm0(ptr, len) {
    ptr = ptr >>> 0;
    return getFloat32ArrayMemory0().subarray(ptr / 4, ptr / 4 + len);
}

function getArrayF64FromWasm0(ptr, len) {
    ptr = ptr >>> 0;
    return getFloat64ArrayMemory0().subarray(ptr / 8, ptr / 8 + len);
}

function getArrayU16FromWasm0(ptr, len) {
    ptr = ptr >>> 0;
    return getUint16ArrayMemory0().subarray(ptr / 2, ptr / 2 + len);
}

function getArrayU32FromWasm0(ptr, len) {
    ptr = ptr >>> 0;
    return getUint32ArrayMemory0().subarray(ptr / 4, ptr / 4 + len);
}

function getArrayU8FromWasm0(ptr, len) {
    ptr = ptr >>> 0;
    return getUint8ArrayMemory0().subarray(ptr / 1, ptr / 1 + len);
}

let cachedDataViewMemory0 = null;
function getDataViewMemory0() {
    if (cachedDataViewMemory0 === null || cachedDataViewMemory0.buffer.detached === true || (cachedDataViewMemory0.buffer.detached === undefined && cachedDataViewMemory0.buffer !== wasm.memory.buffer)) {
        cachedDataViewMemory0 = new DataView(wasm.memory.buffer);
    }
    return cachedDataViewMemory0;
}

let cachedFloat32ArrayMemory0 = null;
function getFloat32ArrayMemory0() {
    if (cachedFloat32ArrayMemory0 === null || cachedFloat32ArrayMemory0.byteLength === 0) {
        cachedFloat32ArrayMemory0 = new Float32Array(wasm.memory.buffer);
    }
    return cachedFloat32ArrayMemory0;
}

let cachedFloat64ArrayMemory0 = null;
function getFloat64ArrayMemory0() {
    if (cachedFloat64ArrayMemory0 === null || cachedFloat64ArrayMemory0.byteLength === 0) {
        cachedFloat64ArrayMemory0 = new Float64Array(wasm.memory.buffer);
    }
    return cachedFloat64ArrayMemory0;
}

function getStringFromWasm0(ptr, len) {
    ptr = ptr >>> 0;
    return decodeText(getUint8ArrayMemory0().subarray(ptr, ptr + len));
}

let cachedUint16ArrayMemory0 = null;
function getUint16ArrayMemory0() {
    if (cachedUint16ArrayMemory0 === null || cachedUint16ArrayMemory0.byteLength === 0) {
        cachedUint16ArrayMemory0 = new Uint16Array(wasm.memory.buffer);
    }
    return cachedUint16ArrayMemory0;
}

let cachedUint32ArrayMemory0 = null;
function getUint32ArrayMemory0() {
    if (cachedUint32ArrayMemory0 === null || cachedUint32ArrayMemory0.byteLength === 0) {
        cachedUint32ArrayMemory0 = new Uint32Array(wasm.memory.buffer);
    }
    return cachedUint32ArrayMemory0;
}

let cachedUint8ArrayMemory0 = null;
function getUint8ArrayMemory0() {
    if (cachedUint8ArrayMemory0 === null || cachedUint8ArrayMemory0.byteLength === 0) {
        cachedUint8ArrayMemory0 = new Uint8Array(wasm.memory.buffer);
    }
    return cachedUint8ArrayMemory0;
}

function handleError(f, args) {
    try {
        return f.apply(this, args);
    } catch (e) {
        const idx = addToExternrefTable0(e);
        wasm.__wbindgen_exn_store(idx);
    }
}

function isLikeNone(x) {
    return x === undefined || x === null;
}

function passStringToWasm0(arg, malloc, realloc) {
    if (realloc === undefined) {
        const buf = cachedTextEncoder.encode(arg);
        const ptr = malloc(buf.length, 1) >>> 0;
        getUint8ArrayMemory0().subarray(ptr, ptr + buf.length).set(buf);
        WASM_VECTOR_LEN = buf.length;
        return ptr;
    }

    let len = arg.length;
    let ptr = malloc(len, 1) >>> 0;

    const mem = getUint8ArrayMemory0();

    let offset = 0;

    for (; offset < len; offset++) {
        const code = arg.charCodeAt(offset);
        if (code > 0x7F) break;
        mem[ptr + offset] = code;
    }
    if (offset !== len) {
        if (offset !== 0) {
            arg = arg.slice(offset);
        }
        ptr = realloc(ptr, len, len = offset + arg.length * 3, 1) >>> 0;
        const view = getUint8ArrayMemory0().subarray(ptr + offset, ptr + len);
        const ret = cachedTextEncoder.encodeInto(arg, view);

        offset += ret.written;
        ptr = realloc(ptr, len, offset, 1) >>> 0;
    }

    WASM_VECTOR_LEN = offset;
    return ptr;
}

function takeFromExternrefTable0(idx) {
    const value = wasm.__wbindgen_externrefs.get(idx);
    wasm.__externref_table_dealloc(idx);
    return value;
}

let cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
cachedTextDecoder.decode();
const MAX_SAFARI_DECODE_BYTES = 2146435072;
let numBytesDecoded = 0;
function decodeText(bytes) {
    numBytesDecoded += bytes.length;
    if (numBytesDecoded >= MAX_SAFARI_DECODE_BYTES) {
        cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
        cachedTextDecoder.decode();
        numBytesDecoded = bytes.length;
    }
    return cachedTextDecoder.decode(bytes);
}

const cachedTextEncoder = new TextEncoder();

if (!('encodeInto' in cachedTextEncoder)) {
    cachedTextEncoder.encodeInto = function (arg, view) {
        const buf = cachedTextEncoder.encode(arg);
        view.set(buf);
        return {
            read: arg.length,
            written: buf.length
        };
    };
}

let WASM_VECTOR_LEN = 0;

let wasmModule, wasmInstance, wasm;
function __wbg_finalize_init(instance, module) {
    wasmInstance = instance;
    wasm = instance.exports;
    wasmModule = module;
    cachedDataViewMemory0 = null;
    cachedFloat32ArrayMemory0 = null;
    cachedFloat64ArrayMemory0 = null;
    cachedUint16ArrayMemory0 = null;
    cachedUint32ArrayMemory0 = null;
    cachedUint8ArrayMemory0 = null;
    wasm.__wbindgen_start();
    return wasm;
}

async function __wbg_load(module, imports) {
    if (typeof Response === 'function' && module instanceof Response) {
        if (!module.ok) {
            throw new Error(`failed to fetch Wasm: ${module.status} ${module.statusText} fetching '${module.url}'`);
        }

        if (typeof WebAssembly.instantiateStreaming === 'function') {
            try {
                return await WebAssembly.instantiateStreaming(module, imports);
            } catch (e) {
                const validResponse = expectedResponseType(module.type);

                if (validResponse && module.headers.get('Content-Type') !== 'application/wasm') {
                    console.warn("`WebAssembly.instantiateStreaming` failed because your server does not serve Wasm with `application/wasm` MIME type. Falling back to `WebAssembly.instantiate` which is slower. Original error:\n", e);

                } else { throw e; }
            }
        }

        const bytes = await module.arrayBuffer();
        return await WebAssembly.instantiate(bytes, imports);
    } else {
        const instance = await WebAssembly.instantiate(module, imports);

        if (instance instanceof WebAssembly.Instance) {
            return { instance, module };
        } else {
            return instance;
        }
    }

    function expectedResponseType(type) {
        switch (type) {
            case 'basic': case 'cors': case 'default': return true;
        }
        return false;
    }
}

function initSync(module) {
    if (wasm !== undefined) return wasm;


    if (module !== undefined) {
        if (Object.getPrototypeOf(module) === Object.prototype) {
            ({module} = module)
        } else {
            console.warn('using deprecated parameters for `initSync()`; pass a single object instead')
        }
    }

    const imports = __wbg_get_imports();
    if (!(module instanceof WebAssembly.Module)) {
        module = new WebAssembly.Module(module);
    }
    const instance = new WebAssembly.Instance(module, imports);
    return __wbg_finalize_init(instance, module);
}

let __wbg_init_promise;
async function __wbg_init(module_or_path) {
    if (wasm !== undefined) return wasm;
    if (__wbg_init_promise === undefined) {
        __wbg_init_promise = __wbg_init_once(module_or_path);
        __wbg_init_promise.catch(() => { __wbg_init_promise = undefined; });
    }
    return __wbg_init_promise;
}

async function __wbg_init_once(module_or_path) {

    if (module_or_path !== undefined) {
        if (Object.getPrototypeOf(module_or_path) === Object.prototype) {
            ({module_or_path} = module_or_path)
        } else {
            console.warn('using deprecated parameters for the initialization function; pass a single object instead')
        }
    }

    if (module_or_path === undefined) {
        module_or_path = new URL('pixelcnn_bg.wasm', import.meta.url);
    }
    const imports = __wbg_get_imports();

    if (typeof module_or_path === 'string' || (typeof Request === 'function' && module_or_path instanceof Request) || (typeof URL === 'function' && module_or_path instanceof URL)) {
        module_or_path = fetch(module_or_path);
    }

    const { instance, module } = await __wbg_load(await module_or_path, imports);

    return __wbg_finalize_init(instance, module);
}

export { initSync, __wbg_init as default };
