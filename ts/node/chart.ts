/**
 * Charts as SVG, and pictures of them. Drawn by `echarts`, made into pixels by `@resvg/resvg-js`: optional packages, since
 * neither training nor sampling needs a chart.
 */

import { createRequire } from 'node:module';
import { PixelCnnError } from '../error.js';

// biome-ignore lint/suspicious/noTsIgnore: as in train/net/tf.ts.
/** @ts-ignore */
export type ChartOption = import('echarts').EChartsOption;

export interface ChartSize {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/** The font of every chart: one that comes as a package, so that a picture is the same on a machine without any. */
const font = { family: 'DejaVu Sans', file: 'dejavu-fonts-ttf/ttf/DejaVuSans.ttf' };

/** A chart as SVG text, on white. `option` is what ECharts calls by that name. Throws PixelCnnError `MISSING_PACKAGE`. */
export async function renderChart(option: ChartOption, { width, height }: ChartSize): Promise<string> {
  const { init } = await import('echarts').catch(missing);
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#fff',
      textStyle: { fontFamily: `${font.family}, sans-serif` },
      ...option,
    });
    return pictureOnly(chart.renderToSVGString());
  } finally {
    chart.dispose();
  }
}

/** Less what answers to a mouse, and names that count the charts of a process: the same data, the same text. */
function pictureOnly(svg: string): string {
  const hovering = / class="zr[^"]*"| pointer-events="\w+"| ecmeta_\w+="[^"]*"|<style[^>]*>[\s\S]*?<\/style>\s*/g;
  return svg.replace(hovering, '').replace(/\bzr\d+-/g, '');
}

/** SVG text as a PNG of `scale` times its size. Throws PixelCnnError `MISSING_PACKAGE`. */
export async function pngOfSvg(svg: string, scale = 2): Promise<Uint8Array> {
  const { Resvg } = await import('@resvg/resvg-js').catch(missing);
  const picture = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: scale },
    font: { loadSystemFonts: false, fontFiles: [fontFile()], defaultFontFamily: font.family },
  });
  return picture.render().asPng();
}

function fontFile(): string {
  try {
    return createRequire(import.meta.url).resolve(font.file);
  } catch (cause) {
    return missing(cause);
  }
}

function missing(cause: unknown): never {
  throw new PixelCnnError(
    'MISSING_PACKAGE',
    'charts: expected the packages that draw them, found one missing; npm i echarts @resvg/resvg-js dejavu-fonts-ttf',
    { cause },
  );
}
