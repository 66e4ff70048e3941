//! Kept activations: for each layer a ring of the last fronts, as long as its oldest reader looks back.
//!
//! All rows lie in one array, after a row of zeros that stands for everything outside the image:
//! ```text
//! [zeros | constants of pixels, layer 0, layer 1, ... | positions of pixels: (slot, image, lane) | positions of layers ...]
//! ```
//! Positions that are read in their own step alone (most layers') take the place of others that nobody will read any more.
//!
//! A position of image row `r` computed at step `t` has its place in slot `t % slots`, lane `r % lanes`. `rows` says which
//! row holds its values: its own, or a constant. Kernels read rows through their offsets, so nothing is copied. The size
//! grows with the image's width and not its height: 0.12 MB an image for the reference.
//!
//! # Exact skipping
//! A position is *blank* in a layer when every pixel it depends on inside the image is of the background level. Its output
//! then is a constant of the model and of how near the image's borders are, clipped at the field: a few hundred vectors for
//! the reference, at any image size. The first position that meets a case computes it, all others point to it. Blankness
//! needs no field to be derived: a position is blank when all that it reads is.
//!
//! Within a row of values, what follows the last one that is not zero is skipped too (`depth`): a product with zero adds
//! nothing, not even a sign (see [`crate::weights`]).

use crate::config::Config;
use crate::error::{try_zeroed, Error};
use crate::kernels::{self, padded, Lanes, PackedLayer, Row, Scratch};
use crate::layers::{Layers, Source, Tap};
use crate::schedule::{fits, Schedule};
use std::ops::Range;

/// The row of zeros, which is never read; also what stands for a constant that is not computed yet.
const ZEROS: Row = Row { start: 0, depth: 0 };

/// What a cache keeps, and what it may leave out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keep {
    /// What later steps of the schedule read.
    Needed(Skip),
    /// Every position of the image, so that all of it can be computed layer by layer. Nothing is skipped.
    All,
}

/// Which work is skipped. No choice changes a bit of any logit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skip {
    /// Positions whose field holds only this level.
    pub background: Option<u8>,
    /// What follows the last non-zero channel of a row.
    pub tails: bool,
}

/// The activations kept for some images that are computed in step.
#[derive(Clone, Debug)]
pub struct Cache<A: Lanes> {
    schedule: Schedule,
    skip: Skip,
    images: usize,
    lanes: usize,
    levels: Vec<A::Value>, // (level) -> what it is to the net
    data: Vec<A::Value>,
    constants: usize, // offset after the last constant's values
    rows: Vec<Row>,   // (constant or position of any ring) -> the row that holds its values
    pixels: Ring,
    layers: Vec<Plan>,
    front: Front<A::Value>,
}

/// The rows of one source: constants, then one for each position kept.
#[derive(Clone, Copy, Debug)]
struct Ring {
    base: usize,  // offset of its first constant's values
    own: usize,   // offset of its first position's values
    row: usize,   // values of a row
    steps: u32,   // of the k-loop, over a row
    first: usize, // index of its first constant in `rows`
    place: usize, // index of its first position in `rows`
    slots: usize,
    delay: usize, // in the schedule
}

impl Ring {
    /// Its own row of a position, given by its index in `rows`.
    fn own_row(&self, position: usize) -> Row {
        Row { start: (self.own + (position - self.place) * self.row) as u32, depth: self.steps }
    }

    /// The row of a constant.
    fn constant_row(&self, case: usize) -> Row {
        Row { start: (self.base + case * self.row) as u32, depth: self.steps }
    }
}

/// Room that is given out and taken back.
struct Space {
    end: usize,
    free: Vec<(usize, usize)>, // (start, size)
}

impl Space {
    /// The start of that much room.
    fn take(&mut self, size: usize) -> usize {
        match self.free.iter().position(|&(_, free)| free >= size) {
            Some(found) => self.free.swap_remove(found).0,
            None => {
                self.end += size;
                self.end - size
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Plan {
    ring: Ring,
    reads: Vec<Read>,
    residual: Option<Read>,
    borders: Borders,
    macs: u64,
}

#[derive(Clone, Copy, Debug)]
struct Read {
    ring: Ring,
    dy: i32,
    dx: i32,
    up: usize, // lanes back
    age: i64,  // steps since it was computed
}

/// A front as the kernels take it, and as the cache must remember it.
#[derive(Clone, Debug, Default)]
struct Front<V> {
    taps: Vec<Row>,      // (position, tap)
    residuals: Vec<u32>, // (position), or empty
    rows: Vec<u32>,      // (position) -> where to write
    targets: Vec<usize>, // (position) -> index in `rows`
    bases: Vec<usize>,   // (tap) -> index in `rows` of the slot it reads
    scratch: Scratch<V>,
}

/// How far a layer's field reaches: beyond that distance a border makes no difference.
#[derive(Clone, Copy, Debug, Default)]
struct Borders {
    above: usize,
    left: usize,
    right: usize,
    height: usize,
    width: usize,
}

impl Borders {
    /// Different columns, as seen from a blank position.
    fn columns(&self) -> usize {
        self.width.min(self.left + self.right + 1)
    }

    /// Different cases of a blank position.
    fn cases(&self) -> usize {
        self.height.min(self.above + 1) * self.columns()
    }

    fn case(&self, row: usize, column: usize) -> usize {
        let (columns, after) = (self.columns(), self.width - 1 - column);
        // On an image too narrow for a middle every column is its own case, by its distance from the left.
        let column = if columns == self.width || column < self.left {
            column
        } else if after < self.right {
            columns - 1 - after
        } else {
            self.left
        };
        row.min(self.above) * columns + column
    }
}

impl<A: Lanes> Cache<A> {
    /// An empty cache for up to `images` images. Nothing needs clearing between images: a schedule reads only what it
    /// wrote.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(config: &Config, layers: &Layers, schedule: Schedule, images: usize, keep: Keep) -> Result<Cache<A>, Error> {
        let (height, width, lanes) = (schedule.height, schedule.width, schedule.lanes());
        let skip = if let Keep::Needed(skip) = keep { skip } else { Skip::default() };
        let mut slots = vec![1; layers.len() + 1]; // pixels, then layers
        for (layer, source, tap) in layers.reads().filter(|r| fits(r.2, height, width)) {
            let slot = &mut slots[ring_index(source)];
            *slot = (*slot).max(schedule.age(layer, source, tap) as usize + 1);
        }
        if keep == Keep::All {
            slots.fill(schedule.steps());
        }

        let mut borders = vec![Borders { height, width, ..Borders::default() }; layers.len() + 1];
        for (layer, source, tap) in layers.reads() {
            let (of, mine) = (borders[ring_index(source)], &mut borders[layer + 1]);
            let reach = |distance: usize, step: i32| (distance as i64 + i64::from(step)).max(0) as usize;
            mine.above = mine.above.max(reach(of.above, -tap.dy));
            mine.left = mine.left.max(reach(of.left, -tap.dx));
            mine.right = mine.right.max(reach(of.right, tap.dx));
        }

        let channels = config.channels.next_multiple_of(A::STEP);
        let rows = |l: usize| padded(layers[l].out_channels) * A::output_values(l + 1 == layers.len());
        let mut base = (0..layers.len()).map(rows).max().unwrap_or(0).max(channels);
        let mut first = 0;
        let mut add = |source: Source, row: usize, channels: usize, cases: usize| {
            let (slots, delay) = (slots[ring_index(source)], schedule.delay(source));
            let constants = if skip.background.is_some() { cases } else { 0 };
            let (steps, place) = (channels.div_ceil(A::STEP) as u32, first + constants);
            let ring = Ring { base, own: 0, row, steps, first, place, slots, delay };
            base += constants * row;
            first = place + slots * images * lanes;
            ring
        };
        let mut rings = vec![add(Source::Pixels, channels, channels, 1)];
        for l in 0..layers.len() {
            rings.push(add(Source::Layer(l), rows(l), layers[l].out_channels, borders[l + 1].cases()));
        }
        let constants = base;
        let mut last_reads: Vec<Option<usize>> = vec![None; rings.len()];
        for (layer, source, _) in layers.reads() {
            last_reads[ring_index(source)] = Some(layer);
        }
        let mut space = Space { end: base, free: Vec::new() };
        for index in 0..rings.len() {
            let size = rings[index].slots * images * lanes * rings[index].row;
            // What a layer reads is still wanted while it is computed; what only layers before it read is not.
            let read_by = |ring: usize| last_reads[ring].filter(|_| keep != Keep::All && rings[ring].slots == 1);
            let ended = (1..index).filter(|&ring| read_by(ring).is_some_and(|layer| layer + 2 == index));
            for ring in ended.collect::<Vec<_>>() {
                space.free.push((rings[ring].own, images * lanes * rings[ring].row));
            }
            rings[index].own = space.take(size);
        }
        let (base, pixels) = (space.end, rings[0]);
        // Kernels address rows by bytes in 32 bits.
        let bytes = base as u64 * size_of::<A::Value>() as u64;
        if u32::try_from(bytes).is_err() {
            return Err(Error::OutOfMemory { bytes });
        }

        let read = |layer: usize, source: Source, tap: Tap| Read {
            ring: rings[ring_index(source)],
            dy: tap.dy,
            dx: tap.dx,
            up: tap.dy.unsigned_abs() as usize % lanes,
            age: schedule.age(layer, source, tap),
        };
        let plans = layers.iter().enumerate().map(|(l, layer)| {
            let taps = layer.inputs.iter().flat_map(|i| i.taps.iter().map(move |&tap| (i.source, tap)));
            Plan {
                ring: rings[l + 1],
                reads: taps.map(|(source, tap)| read(l, source, tap)).collect(),
                residual: layer.residual.map(|source| read(l, Source::Layer(source), Tap { dy: 0, dx: 0 })),
                borders: borders[l + 1],
                macs: 0,
            }
        });
        let plans = plans.collect();
        let levels: Vec<A::Value> = (0..config.levels).map(|level| A::level(config, level as u8)).collect();
        let mut data = try_zeroed(base)?;
        if let Some(background) = skip.background {
            data[pixels.base..pixels.base + config.channels].fill(levels[usize::from(background)]);
        }
        let mut rows = try_zeroed(first)?;
        if skip.background.is_some() {
            rows[pixels.first] = pixels.constant_row(0);
        }
        let front = Front::default();
        Ok(Cache { schedule, skip, images, lanes, levels, data, constants, rows, pixels, layers: plans, front })
    }

    /// The schedule it is made for.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// What it skips.
    pub fn skip(&self) -> Skip {
        self.skip
    }

    /// Images it has room for.
    pub fn images(&self) -> usize {
        self.images
    }

    /// Bytes that grow with the number of images, and bytes of constants.
    pub fn bytes(&self) -> (usize, usize) {
        let rings = std::iter::once(&self.pixels).chain(self.layers.iter().map(|plan| &plan.ring));
        let rows: usize = rings.map(|r| r.place - r.first).sum();
        let constants = (self.constants - self.pixels.base) * size_of::<A::Value>() + rows * size_of::<Row>();
        let all = self.data.len() * size_of::<A::Value>() + self.rows.len() * size_of::<Row>();
        (all - constants, constants)
    }

    /// Multiply-adds issued by each layer since it was made, or reset: a product with a zero that was not skipped counts.
    pub fn macs(&self) -> impl Iterator<Item = u64> + '_ {
        self.layers.iter().map(|plan| plan.macs)
    }

    /// Starts counting anew.
    pub fn reset_macs(&mut self) {
        self.layers.iter_mut().for_each(|plan| plan.macs = 0);
    }

    /// Computes a layer at every position of the given steps, for the first `images` images. What it reads there must have
    /// been computed, or put.
    pub fn compute(&mut self, layer: usize, packed: &PackedLayer<A>, images: usize, steps: Range<usize>) {
        self.front.clear();
        for step in steps {
            self.gather(layer, images, step);
        }
        let front = &mut self.front;
        let places = kernels::Places { taps: &front.taps, residuals: &front.residuals, outputs: &front.rows };
        self.layers[layer].macs += kernels::run(packed, &mut self.data, &places, &mut front.scratch);
        if self.skip.tails {
            for (&target, &row) in front.targets.iter().zip(&front.rows) {
                let values = &self.data[row as usize..row as usize + packed.row()];
                let last = values.iter().rposition(|&v| v != A::Value::default());
                self.rows[target].depth = last.map_or(0, |last| (last / A::STEP) as u32 + 1);
            }
        }
    }

    /// Appends to the front all positions that the layer computes at a step, and gives each its place.
    fn gather(&mut self, layer: usize, images: usize, step: usize) {
        let Cache { schedule, lanes, constants, rows, front, layers, .. } = self;
        let is_constant = |row: Row| (row.start as usize) < *constants;
        let (plan, lanes) = (&layers[layer], *lanes);
        let ring = &plan.ring;
        let slot = |ring: &Ring, step: usize| ring.place + step % ring.slots * self.images * lanes;
        // Before the image's first steps there is nothing to read, and no position that would.
        let read_slot = |read: &Read| slot(&read.ring, (step as i64 - read.age).max(0) as usize);
        front.bases.clear();
        front.bases.extend(plan.reads.iter().map(read_slot));
        let own = slot(ring, step);
        let added = plan.residual.map(|read| read_slot(&read));
        for row in schedule.rows(ring.delay, step) {
            let column = schedule.column(ring.delay, step, row);
            let lane = row % lanes;
            for image in 0..images {
                let at = image * lanes;
                let mut blank = ring.place > ring.first;
                front.taps.extend(plan.reads.iter().zip(&front.bases).map(|(read, base)| {
                    let (y, x) = (row as i32 + read.dy, column as i32 + read.dx);
                    if y < 0 || x as u32 >= schedule.width as u32 {
                        return ZEROS;
                    }
                    let lane = if lane >= read.up { lane - read.up } else { lane + lanes - read.up };
                    let source = rows[base + at + lane];
                    blank &= is_constant(source);
                    source
                }));
                if let Some(base) = added {
                    let source = rows[base + at + lane];
                    blank &= is_constant(source);
                    front.residuals.push(source.start);
                }
                let position = own + at + lane;
                let (mut target, mut source) = (position, ring.own_row(position));
                if blank {
                    let case = plan.borders.case(row, column);
                    target = ring.first + case;
                    if rows[target] != ZEROS {
                        front.drop_last(plan.reads.len());
                        rows[position] = rows[target];
                        continue;
                    }
                    source = ring.constant_row(case);
                    rows[target] = source;
                }
                rows[position] = source;
                front.rows.push(source.start);
                front.targets.push(target);
            }
        }
    }

    /// Puts a pixel's level.
    pub fn put_pixel(&mut self, image: usize, row: usize, column: usize, level: u8) {
        let ring = self.pixels;
        let position = self.position(ring, image, row, column);
        if self.skip.background == Some(level) {
            self.rows[position] = self.rows[ring.first];
            return;
        }
        let value = self.levels[usize::from(level)];
        let mut own = ring.own_row(position);
        self.data[own.start as usize] = value;
        if self.skip.tails && value == A::Value::default() {
            own.depth = 0;
        }
        self.rows[position] = own;
    }

    /// What a layer computed at a position, `[out_channels]`; sums where it is the last.
    pub fn output(&self, layer: usize, image: usize, row: usize, column: usize) -> &[A::Value] {
        let ring = self.layers[layer].ring;
        &self.data[self.rows[self.position(ring, image, row, column)].start as usize..]
    }

    /// The tiles of what was computed last: positions, counted from its first.
    pub fn tiles(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.front.scratch.tiles()
    }

    /// The values, `[channels]`, of a row that was read then: `place` is a position's number times the layer's taps, plus the tap.
    pub fn read(&self, place: usize, channels: usize) -> &[A::Value] {
        &self.data[self.front.taps[place].start as usize..][..channels]
    }

    fn position(&self, ring: Ring, image: usize, row: usize, column: usize) -> usize {
        let step = self.schedule.slope * row + column + ring.delay;
        ring.place + (step % ring.slots * self.images + image) * self.lanes + row % self.lanes
    }
}

impl<V> Front<V> {
    fn clear(&mut self) {
        self.taps.clear();
        self.residuals.clear();
        self.rows.clear();
        self.targets.clear();
    }

    /// Takes back the last position, of which no row is listed yet.
    fn drop_last(&mut self, taps: usize) {
        self.taps.truncate(self.taps.len() - taps);
        self.residuals.truncate(self.rows.len());
    }
}

fn ring_index(source: Source) -> usize {
    match source {
        Source::Pixels => 0,
        Source::Layer(layer) => layer + 1,
    }
}
