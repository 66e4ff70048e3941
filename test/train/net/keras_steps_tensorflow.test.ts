import { testStepsOn } from './keras_steps_cases.js';

// What two orders of summing differ by grows from step to step. The example's losses were made on a CPU with AVX2: by the wider
// kernels that TensorFlow takes on one with AVX-512 (Zen 5), the reference's net is 1.6e-4 away after 20 steps, held to AVX2 1.2e-5.
process.env.ONEDNN_MAX_CPU_ISA = 'AVX2';

testStepsOn('tensorflow');
