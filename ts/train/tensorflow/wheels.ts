// The files that native TensorFlow is made of, pinned: TensorFlow's own wheels for Python hold its libraries and C headers.
// Only these are used, so the Python version in a wheel's name matters to nobody, and one file serves every host.

export interface Wheel {
  readonly name: string;
  readonly version: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * What a native TensorFlow is built for.
 * @inline
 */
export type Variant = 'cpu' | 'cuda';

/** The release whose wheels are pinned below. */
export const tensorflowVersion = '2.21.0';

/** The packages of npm, which npm/package-lock.json beside this file pins with all that they depend on. */
export const tfjsNode = '@tensorflow/tfjs-node-gpu';
export const nodeHeaders = 'node-api-headers';

/** What `pip download` is told, so that it takes the same file whatever Python runs it. */
export const wheelTags = [
  '--only-binary=:all:',
  '--implementation=cp',
  '--python-version=3.12',
  '--abi=cp312',
  '--platform=manylinux_2_27_x86_64',
  '--platform=manylinux_2_17_x86_64',
  '--platform=manylinux_2_12_x86_64',
] as const;

const cpu: readonly Wheel[] = [
  {
    name: 'tensorflow-cpu',
    version: tensorflowVersion,
    bytes: 274_000_871,
    sha256: 'dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb',
  },
];

/**
 * TensorFlow with CUDA kernels, and the NVIDIA libraries that its `and-cuda` extra names; but for two of 420 MB that nothing here
 * uses. None of them is linked, all are opened by name: of cuRAND's no name is in TensorFlow, and NCCL's are asked for by the
 * operations that add up over several GPUs.
 */
const cuda: readonly Wheel[] = [
  {
    name: 'tensorflow',
    version: tensorflowVersion,
    bytes: 572_611_111,
    sha256: 'b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0',
  },
  {
    name: 'nvidia-cublas-cu12',
    version: '12.9.3.13',
    bytes: 581_217_458,
    sha256: 'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72',
  },
  {
    name: 'nvidia-cuda-cupti-cu12',
    version: '12.8.90',
    bytes: 10_248_621,
    sha256: 'ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182',
  },
  {
    name: 'nvidia-cuda-nvcc-cu12',
    version: '12.9.86',
    bytes: 40_546_229,
    sha256: '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0',
  },
  {
    name: 'nvidia-cuda-nvrtc-cu12',
    version: '12.9.86',
    bytes: 89_568_129,
    sha256: '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
  },
  {
    name: 'nvidia-cuda-runtime-cu12',
    version: '12.9.79',
    bytes: 3_493_179,
    sha256: '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
  },
  {
    name: 'nvidia-cudnn-cu12',
    version: '9.28.0.42',
    bytes: 716_538_495,
    sha256: '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375',
  },
  {
    name: 'nvidia-cufft-cu12',
    version: '11.4.1.4',
    bytes: 200_877_592,
    sha256: 'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28',
  },
  {
    name: 'nvidia-cusolver-cu12',
    version: '11.7.5.82',
    bytes: 338_117_415,
    sha256: '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
  },
  {
    name: 'nvidia-cusparse-cu12',
    version: '12.5.10.65',
    bytes: 366_465_088,
    sha256: '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
  },
  {
    name: 'nvidia-nvjitlink-cu12',
    version: '12.9.86',
    bytes: 39_748_338,
    sha256: 'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
  },
];

export const wheels: Readonly<Record<Variant, readonly Wheel[]>> = { cpu, cuda };

/**
 * Links to make among the unpacked files, from the folder of the link to its target. TensorFlow opens NVIDIA's libraries
 * from libtensorflow_framework.so.2, whose run path names the folder of each but libcusolver's: that one stands in the run
 * path of libtensorflow_cc.so.2, where the loader does not look on the other's behalf. Without the link TensorFlow uses no
 * GPU, and says only that it misses a library.
 */
export const wheelLinks: Readonly<Record<Variant, readonly { readonly path: string; readonly target: string }[]>> = {
  cpu: [],
  cuda: [{ path: 'nvidia/cublas/lib/libcusolver.so.11', target: '../../cusolver/lib/libcusolver.so.11' }],
};

/** What TensorFlow opens before it takes a GPU, where it looks for it: where one is missing, it takes none. */
export const cudaLibraries = [
  'nvidia/cuda_runtime/lib/libcudart.so.12',
  'nvidia/cublas/lib/libcublas.so.12',
  'nvidia/cublas/lib/libcublasLt.so.12',
  'nvidia/cufft/lib/libcufft.so.11',
  'nvidia/cublas/lib/libcusolver.so.11',
  'nvidia/cusparse/lib/libcusparse.so.12',
  'nvidia/cudnn/lib/libcudnn.so.9',
] as const;

/**
 * The members of a wheel that are unpacked: the libraries, and the C headers the binding includes. The rest of
 * TensorFlow's wheel is Python.
 */
export const wheelMembers = [
  'tensorflow/libtensorflow_',
  'tensorflow/include/tensorflow/c/',
  'tensorflow/include/tensorflow/core/platform/',
  'tensorflow/include/tsl/platform/',
  'tensorflow/include/xla/tsl/c/',
  'nvidia/',
] as const;

/** Bytes that each variant takes on disk, with room for the download beside it. */
export const diskBytes: Readonly<Record<Variant, number>> = { cpu: 1_600_000_000, cuda: 6_800_000_000 };
