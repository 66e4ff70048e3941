/** `npm run bench`: reads the command line and starts one bench. */

import { parseArgs } from 'node:util';

const help = `Usage: npm run bench [-- BENCH] [options]

Benches:
  sampling   time for an image, by every method, beside the roof (the default)
  roof       what this machine can do: clock, peaks of f32, int16 and bytes, load bandwidth
  tile       the register tile alone, beside the whole net and the roof
  previous   the kernels of 0.1.0 and these in turn, 60 rounds
  sharing [MODEL] what remembering rows saves, for several sizes, 0.1.0, dense and a peer in turn
  cold [RUNTIME...]  the first image from nothing, on each runtime that is there, beside ONNX Runtime's session and one pass; two minutes
  grids      8 x 8 grids of 512 codes, plain and gated nets, beside a peer's 64 forward passes; a minute
  workerd    CPU of a request for an image in workerd, 0.1.0 and now in turn; Linux
  profile [MODEL] where an image's time goes, layer by layer
  nets RUN.. records of trained candidates in bench/results/nets, and the tables of docs/nets.md
  quote FILE write the README's table of speed from a .json file of bench/results
  train      a training step; its own options: npm run bench -- train --help

Options of sampling:
  --quick      under a minute (the default)
  --full       about ten minutes: more rows and rounds, larger images, whole naive images; implies --save
  --only NAME  only rows whose name holds NAME, and no other table
  --untimed    nets: takes no times, as on a busy machine
  --json FILE  write the figures there, too (profile: also)
  --save       write bench/results/<date>-<cpu>-node<major>.md and .json, and a chart

  --peers      install those whom we race into bench/peers (0.5 GB), and nothing else

Best on a quiet machine.`;

try {
  await run();
} catch (error) {
  // Wrong arguments are the user's to mend: one sentence. All else keeps its stack.
  if (!(error instanceof RangeError || isArgumentError(error))) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = 2;
}

async function run(): Promise<void> {
  const [bench, ...rest] = process.argv.slice(2);
  if (bench === 'train') {
    const { benchTrain } = await import('./train.js');
    return benchTrain(rest);
  }
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean' },
      full: { type: 'boolean' },
      save: { type: 'boolean' },
      only: { type: 'string' },
      json: { type: 'string' },
      peers: { type: 'boolean' },
      untimed: { type: 'boolean' },
    },
  });
  if (values.help) return console.log(help);
  if (values.peers) {
    const { installPeers } = await import('./peers.js');
    return installPeers();
  }
  if (positionals[0] === 'quote') {
    const { benchQuote } = await import('./quote.js');
    return benchQuote(positionals[1]);
  }
  if (positionals[0] === 'nets') {
    const { benchNets } = await import('./nets.js');
    return benchNets(positionals.slice(1), { untimed: values.untimed ?? false });
  }
  if (positionals[0] === 'sharing' || positionals[0] === 'profile') {
    const [bench, path] = positionals;
    if (positionals.length > 2) throw new RangeError(`expected one model, got ${positionals.slice(1).join(' and ')}`);
    if (bench === 'sharing') return (await import('./sharing.js')).benchSharing(path);
    return (await import('./profile.js')).benchProfile(path, values.json);
  }
  if (positionals[0] === 'cold') {
    const { benchCold } = await import('./cold.js');
    return benchCold(positionals.slice(1), { save: values.save ?? false });
  }
  if (positionals.length > 1) throw new RangeError(`expected one bench, got ${positionals.join(' and ')}`);
  switch (positionals[0] ?? 'sampling') {
    case 'sampling': {
      const full = values.full ?? false;
      if (full && values.quick) throw new RangeError('expected --quick or --full, got both');
      const { benchSampling } = await import('./sampling.js');
      return benchSampling({
        full,
        save: values.save ?? full,
        ...(values.only !== undefined && { only: values.only }),
        ...(values.json !== undefined && { json: values.json }),
      });
    }
    case 'roof': {
      const { benchRoof } = await import('./roof.js');
      return benchRoof();
    }
    case 'tile': {
      const { benchTile } = await import('./tile.js');
      return benchTile();
    }
    case 'previous': {
      const { benchPrevious } = await import('./previous.js');
      return benchPrevious();
    }
    case 'grids': {
      const { benchGrids } = await import('./sampling.js');
      return benchGrids();
    }
    case 'workerd': {
      const { benchWorkerd } = await import('./workerd.js');
      return benchWorkerd();
    }
    default:
      throw new RangeError(
        `expected sampling, roof, tile, previous, sharing, cold, grids, workerd, profile, nets, quote or train, got "${positionals[0]}"`,
      );
  }
}

function isArgumentError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}
