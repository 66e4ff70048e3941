// The class of each image.

import { checkInteger, show, wrongKind, wrongValue } from '../../arguments.js';
import { sha256 } from '../../node/files.js';
import { checkImageSet, checkNames, type ImageSet, mostClasses } from './image_set.js';

/**
 * The same images with the class of each.
 *
 * @param labels `[count]`, integers from 0 to 1,023.
 * @param classNames What the classes are called, 2 to 1,024. Default: their numbers, 0 to the largest label.
 * @throws RangeError, TypeError.
 */
export function labelImages(images: ImageSet, labels: ArrayLike<number>, classNames?: readonly string[]): ImageSet {
  const { labels: _labels, classNames: _names, labelsSha256: _hash, ...set } = checkImageSet('set', images);
  const given: unknown = labels;
  if (!Array.isArray(given) && !ArrayBuffer.isView(given)) {
    throw wrongKind('labels', `expected an array of ${set.count} integers, got ${show(given)}`);
  }
  if (labels.length !== set.count) {
    throw wrongValue('labels', `expected ${set.count}, one an image, got ${labels.length}`);
  }
  const classes = classNames && checkNames('classNames', classNames, undefined, 'a class');
  if (classes !== undefined) checkInteger('classNames.length', classes.length, { min: 2, max: mostClasses });
  const own = new Uint16Array(set.count);
  let most = 0;
  for (let image = 0; image < set.count; image++) {
    own[image] = checkInteger(`labels[${image}]`, labels[image], { min: 0, max: (classes?.length ?? mostClasses) - 1 });
    most = Math.max(most, own[image]!);
  }
  if (classes === undefined && most === 0)
    throw wrongValue('labels', 'expected at least 2 classes, got 0 for every image');
  const names = classes ?? Array.from({ length: most + 1 }, (_, index) => String(index));
  return { ...set, labels: own, classNames: names, labelsSha256: sha256(own) };
}
