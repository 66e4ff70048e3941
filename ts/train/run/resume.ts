// Whether a run may go on from a checkpoint, and whether it will end as the unbroken one would have.

import { availableParallelism, cpus } from 'node:os';
import { wrongValue } from '../../arguments.js';
import type { ImageSet } from '../data/image_set.js';
import type { Backend } from '../tensorflow/backend.js';
import type { CheckpointState, Environment } from './checkpoint.js';
import type { Plan } from './plan.js';
import type { Recipe } from './recipe.js';

/** What computes here, as far as it may change the last bits of a sum. */
export function environmentOf(backend: Backend): Environment {
  return {
    backend: backend.name,
    device: backend.device,
    version: backend.version,
    ...(backend.gpu !== undefined && { gpu: backend.gpu.name }),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    threads: threadsOf(process.env.TF_NUM_INTRAOP_THREADS),
    ...(backend.device === 'gpu' && { tf32: backend.tf32, deterministic: backend.deterministic }),
  };
}

/**
 * Threads that an operation is split over, which decides the order of its sums: what TensorFlow is told, or as many as the
 * process may use, which is fewer than the machine has under taskset.
 */
function threadsOf(told: string | undefined): number {
  return told !== undefined && /^[1-9]\d*$/.test(told) ? Number(told) : availableParallelism();
}

/** Throws where a run would not be the one that the checkpoint is of. */
export function checkResume(state: CheckpointState, plan: Plan, data: ImageSet, folder: string): void {
  const differs: string[] = [];
  const compare = (name: string, stored: unknown, now: unknown): void => {
    if (stored !== now) differs.push(`${name} was ${String(stored)} and is now ${String(now)}`);
  };
  compare('seed', state.seed, plan.seed);
  for (const [field, value] of Object.entries(plan.recipe)) {
    // More epochs of a constant rate are the same run, longer.
    if (field === 'epochs' && plan.recipe.schedule === 'constant') continue;
    compare(field, state.recipe[field as keyof Recipe], value);
  }
  compare('the number of validation images', state.validationImages, plan.validationImages);
  compare('the sha256 of the data', state.data, data.sha256);
  for (const [field, value] of Object.entries(plan.net.config)) {
    compare(`config.${field}`, (state.config as unknown as Record<string, unknown>)[field], value);
  }
  if (differs.length > 0) {
    throw wrongValue('resume', `${differs.join(', ')}; give the values of the run in ${folder}, or start a new one`);
  }
}

/** What stands against bit-equality with the unbroken run. */
export function environmentWarnings(before: Environment, now: Environment): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]) as Set<keyof Environment>;
  const told = (value: unknown): string => (value === undefined ? 'none' : String(value));
  const warnings = [...names]
    .filter((name) => before[name] !== now[name])
    .map((name) => `the checkpoint's ${name} was ${told(before[name])} and is now ${told(now[name])}`);
  if (now.device === 'gpu' && now.deterministic !== true) {
    warnings.push('a GPU sums up in another order each time unless it is told to be deterministic');
  }
  return warnings.map((warning) => `${warning}: the resumed run is as good, but not bit-equal to the unbroken one`);
}
