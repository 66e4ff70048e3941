/** The packaged models that the page offers. A model more is an entry here; one whose file is not there is left out. */

export interface PackagedModel {
  /** What it is called in the page's address. */
  readonly id: string;
  readonly title: string;
  /** Its file in models/, as the command line names it. */
  readonly file: string;
  readonly url: string;
  /** Whether its images are pictures of digits, which people can draw by hand, or levels of a game. */
  readonly kind: 'digits' | 'levels';
}

/** The first of some files that is there. Vite replaces each `import.meta.glob` by the addresses of the files that it finds. */
function first(found: Record<string, string>): { file: string; url: string } | undefined {
  const [entry] = Object.entries(found);
  return entry && { file: entry[0].slice(entry[0].lastIndexOf('/') + 1), url: entry[1] };
}

type Listed = Omit<PackagedModel, 'file' | 'url'> & { found: Record<string, string> };

const listed: readonly Listed[] = [
  {
    id: 'digits',
    title: 'Digits by class',
    kind: 'digits',
    found: import.meta.glob(['#models/digits.int*.safetensors', '#models/digits.safetensors'], {
      query: '?url',
      import: 'default',
      eager: true,
    }),
  },
  {
    id: 'mnist-binary',
    title: 'The Keras example’s net',
    kind: 'digits',
    found: import.meta.glob('#models/mnist-binary.int*.safetensors', { query: '?url', import: 'default', eager: true }),
  },
  {
    id: 'boxoban',
    title: 'Sokoban levels',
    kind: 'levels',
    found: import.meta.glob(['#models/boxoban.int*.safetensors', '#models/boxoban.safetensors'], {
      query: '?url',
      import: 'default',
      eager: true,
    }),
  },
];

export const models: readonly PackagedModel[] = listed.flatMap(({ found, ...model }) => {
  const file = first(found);
  return file === undefined ? [] : [{ ...model, ...file }];
});

const fetched = new Map<string, Promise<ArrayBuffer>>();

/** The bytes of a model's file, fetched once however many workers open it. */
export function bytesOf({ url, file }: PackagedModel): Promise<ArrayBuffer> {
  let bytes = fetched.get(url);
  if (bytes === undefined) {
    bytes = fetch(url).then((response) => {
      if (!response.ok) throw new Error(`expected the model ${file}, got HTTP status ${response.status}`);
      return response.arrayBuffer();
    });
    bytes.catch(() => fetched.delete(url)); // another try may go well
    fetched.set(url, bytes);
  }
  return bytes;
}
