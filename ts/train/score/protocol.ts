// What a likelihood must be quoted with, in words and as the options that give the same images again.

import { sha256 } from '../../node/files.js';
import type { DataOrigin, ImageSet } from '../data/image_set.js';

/** Two likelihoods can be compared only where all of this agrees. */
export interface Protocol {
  /** The data set and its order: `MNIST, 60,000 training then 10,000 test images`. */
  readonly source: string;
  /** The part of it: `the last 10 %`, `the test images`. */
  readonly split: string;
  /** How values became levels. */
  readonly binarisation: string;
  /** Of the levels themselves. */
  readonly sha256: string;
  /** `class` where it is the likelihood of each image given its class; absent where it is that of the image alone. */
  readonly given?: 'class';
}

/** The protocol of a likelihood of these images. */
export function protocolOf({ source, split, binarisation, pixels }: ImageSet): Protocol {
  return { source, split, binarisation, sha256: sha256(pixels) };
}

/** Where the images of a training run came from, and how they were divided. */
export interface TrainingOrigin extends DataOrigin {
  /** The last part of them, kept for validation. */
  readonly validationSplit: number;
}

/** Nats an image and bits a dimension of a mean loss in nats a value. */
export function likelihood(lossPerValue: number, dimensions: number): { natsPerImage: number; bitsPerDim: number } {
  return { natsPerImage: lossPerValue * dimensions, bitsPerDim: lossPerValue / Math.LN2 };
}

/** How likely a model finds some images. */
export interface Likelihood {
  /** Mean negative log likelihood a value, in nats. */
  readonly loss: number;
  /** The mean of an image, in nats. */
  readonly natsPerImage: number;
  /** The mean of a value, in bits. */
  readonly bitsPerDim: number;
  /** What each image costs, in nats, in the order of the data. */
  readonly imageNats: readonly number[];
}

/** What `evaluate` ends with. */
export interface Evaluation extends Likelihood {
  /** How many. */
  readonly images: number;
  /** What a likelihood must be quoted with. */
  readonly protocol: Protocol;
  /**
   * Of a model with classes, where the data tells the class of each image: how likely it is given that, which is what training
   * prints as loss. The likelihood above is that of the image alone, the mean of p(image | class) over all classes.
   */
  readonly given?: Likelihood;
  /** In such a case too: how many of the images have their own class for the likeliest, by Bayes' theorem from equal ones. */
  readonly classifiedRight?: number;
}

/** The likelihood of images of which each costs so much. The sum runs in their order, which is that of the data. */
export function likelihoodOf(imageNats: readonly number[], dimensions: number): Likelihood {
  const loss = imageNats.reduce((sum, nats) => sum + nats, 0) / (imageNats.length * dimensions);
  return { loss, ...likelihood(loss, dimensions), imageNats };
}
