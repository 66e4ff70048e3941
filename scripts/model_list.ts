/** The models in models/, in one place, and what follows from each: `npm run models` makes it, test/models.test.ts holds it. */

export interface PackagedModel {
  /** `models/NAME.safetensors`, `models/NAME.md`. */
  readonly name: string;
  /** In a few words, for its card. */
  readonly title: string;
  /** `--data` of its training, where it is no published set. */
  readonly data?: string;
  /** The command that trained the model that its training went on from, which no file is kept of. */
  readonly before?: string;
  /** Which images show what its channels do; none where it has no form in integers. */
  readonly calibrate?: string;
  /**
   * Where the form with ordered channels goes: into a file of its own, or in place of what was trained, whose sha256 it names. None
   * where its net cannot be ordered.
   */
  readonly ordered?: 'apart' | 'in place';
  /** Whether it is a record of what was reached, which the repository has and the npm package has not: `files` of package.json leaves it out. */
  readonly unpublished?: true;
  /** Its picture: where, and what `pixelcnn sample` is asked for. */
  readonly picture?: { readonly file: string; readonly sample: readonly string[] };
}

export const models: readonly PackagedModel[] = [
  {
    name: 'digits',
    title: 'binarised 28x28 handwritten digits by class, by the net that docs/nets.md shows to be best',
    before: 'npm run train -- --classes --net deep --preset fast --epochs 5 --seed 1',
    ...{ calibrate: 'mnist', ordered: 'in place' },
    picture: { file: 'docs/digits.png', sample: ['--seed', '1'] },
  },
  {
    name: 'mnist-binary',
    title: 'binarised 28x28 handwritten digits, by the net of the Keras example',
    ...{ calibrate: 'mnist', ordered: 'apart' },
  },
  {
    name: 'boxoban',
    title: "Boxoban's levels of Sokoban, 10x10 cells of five kinds",
    data: 'data/boxoban',
    picture: { file: 'docs/boxoban.png', sample: ['--count', '36', '--seed', '1', '--png'] },
  },
  {
    name: 'static-mnist',
    title: 'statically binarised MNIST, on which papers print their figures',
    before: 'npm run train -- --data static-mnist --net deep --preset fast --epochs 6 --seed 1',
    unpublished: true,
  },
  {
    name: 'fashion',
    title: '28x28 articles of clothing by class, in eight even levels of grey',
    unpublished: true,
    picture: { file: 'docs/fashion.png', sample: ['--seed', '1'] },
  },
];

/** Those that the npm package has. */
export const publishedModels: readonly PackagedModel[] = models.filter(({ unpublished }) => unpublished === undefined);

/** What the file of another form is called behind the model's name. */
export const forms = { trained: '', ordered: '.optimized', integers: '.int8' } as const;

/** The forms that a model has files of. */
export function formsOf({ calibrate, ordered }: PackagedModel): (keyof typeof forms)[] {
  return [
    'trained',
    ...(ordered === 'apart' ? (['ordered'] as const) : []),
    ...(calibrate === undefined ? [] : (['integers'] as const)),
  ];
}

/** The model files that the npm package has: of each model as it was trained and in integers. `files` of package.json leaves out the others. */
export function publishedFiles(): string[] {
  return publishedModels.flatMap((model) =>
    formsOf(model)
      .filter((form) => form !== 'ordered')
      .map((form) => `${model.name}${forms[form]}.safetensors`),
  );
}
