//! Where everything of a cache will lie: numbers alone, planned before anything is allocated.

use crate::config::Config;
use crate::kernels::{Room, Row, Units};
use crate::layers::{Layers, Source};
use crate::memory::{Bytes, product};
use crate::schedule::{Schedule, fits};

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
    pub background: Option<u16>,
    /// What follows the last non-zero channel of a row.
    pub tails: bool,
}

/// The rows of one source: constants, then one for each position kept. Planned in u64, used in usize.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring<N = usize> {
    pub(crate) base: N,    // offset of its first constant's values
    pub(crate) own: N,     // offset of its first position's values
    pub(crate) row: N,     // values of a row
    pub(crate) steps: u32, // of the k-loop, over a row
    pub(crate) first: N,   // index of its first constant in `rows`
    pub(crate) place: N,   // index of its first position in `rows`
    pub(crate) slots: N,
    pub(crate) source: Source, // in the schedule
    pub(crate) whole: bool,    // whether a slot holds a whole row of the image
}

impl Ring<u64> {
    /// The same where all that is planned can be addressed.
    pub(crate) fn narrow(self) -> Ring {
        let Ring { base, own, row, steps, first, place, slots, source, whole } = self;
        let n = |wide: u64| wide as usize;
        let (base, own, row, first, place, slots) = (n(base), n(own), n(row), n(first), n(place), n(slots));
        Ring { base, own, row, steps, first, place, slots, source, whole }
    }
}

impl Ring {
    /// Its own row of a position, given by its index in `rows`.
    pub(crate) fn own_row(&self, position: usize) -> Row {
        Row { start: (self.own + (position - self.place) * self.row) as u32, depth: self.steps }
    }

    /// The row of a constant.
    pub(crate) fn constant_row(&self, case: usize) -> Row {
        Row { start: (self.base + case * self.row) as u32, depth: self.steps }
    }
}

/// Room that is given out and taken back.
struct Space {
    end: u64,
    free: Vec<(u64, u64)>, // (start, size)
}

impl Space {
    /// The start of that much room, which may be some that was given back where it is `shared`.
    fn take(&mut self, size: u64, shared: bool) -> u64 {
        match self.free.iter().position(|&(_, free)| shared && free >= size) {
            Some(found) => self.free.swap_remove(found).0,
            None => {
                let start = self.end;
                self.end = start.saturating_add(size);
                start
            }
        }
    }
}

/// How far a layer's field reaches: beyond that distance a border makes no difference.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Borders {
    pub(crate) above: usize,
    pub(crate) left: usize,
    pub(crate) right: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl Borders {
    /// Different columns, as seen from a blank position.
    pub(crate) fn columns(&self) -> usize {
        self.width.min(self.left + self.right + 1)
    }

    /// Different cases of a blank position.
    pub(crate) fn cases(&self) -> u64 {
        product(&[self.height.min(self.above + 1) as u64, self.columns() as u64])
    }

    pub(crate) fn case(&self, row: usize, column: usize) -> usize {
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

/// What a layer reads, and where its rows lie.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) ring: Ring,
    pub(crate) reads: Vec<Read>,
    pub(crate) start: Option<Read>, // of the layer that sums begin with
    pub(crate) class: bool,         // whether they begin with a class's vector
    pub(crate) residual: Option<Read>,
    pub(crate) borders: Borders,
    pub(crate) macs: u64,
}

/// What a term reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    pub(crate) ring: Ring,
    pub(crate) dy: i32,
    pub(crate) dx: i32,
    pub(crate) up: usize, // lanes back
    pub(crate) age: i64,  // steps since it was computed
}

/// Where everything of a cache will lie, and how much it takes: numbers alone, before anything is allocated.
#[derive(Clone, Debug)]
pub struct Layout {
    pub(crate) schedule: Schedule,
    pub(crate) skip: Skip,
    pub(crate) images: usize,
    pub(crate) rings: Vec<Ring<u64>>, // pixels, then layers
    pub(crate) borders: Vec<Borders>, // likewise
    pub(crate) constants: u64,        // offset after the last constant's values
    pub(crate) values: u64,
    pub(crate) rows: u64,
    pub(crate) room: Room,
    pub(crate) units: Units,
    pub(crate) bytes: Bytes,
}

/// What a front takes.
fn front_bytes(room: Room, units: Units) -> Bytes {
    let of_position = (3 * size_of::<u32>() + size_of::<usize>()) as u64;
    Bytes::of::<Row>(&[room.positions, room.taps])
        + Bytes::of::<u8>(&[room.positions, of_position])
        + Bytes::of::<usize>(&[room.taps])
        + room.planned(units)
}

/// Steps that are computed at a time where all are known: enough for whole tiles, few enough that their places stay small.
pub(crate) const BATCH: usize = 1024;

impl Layout {
    /// Of a cache for up to `images` images.
    pub fn new(units: Units, config: &Config, layers: &Layers, schedule: Schedule, images: usize, keep: Keep) -> Layout {
        let (height, width, lanes) = (schedule.height, schedule.width, schedule.lanes() as u64);
        let skip = if let Keep::Needed(skip) = keep { skip } else { Skip::default() };
        let mut slots = vec![1; layers.len() + 1]; // pixels, then layers
        for (layer, source, tap) in layers.reads().filter(|r| fits(r.2, height, width)) {
            let slot = &mut slots[ring_index(source)];
            let age = schedule.age(layer, source, tap) as u64;
            *slot = (*slot).max(1 + if schedule.is_whole(source) { u64::from(tap.dy.unsigned_abs()) } else { age });
        }
        if keep == Keep::All {
            slots.fill(schedule.steps() as u64);
        }

        let reaches = [[0; 3]].into_iter().chain(layers.reaches());
        let borders: Vec<Borders> = reaches.map(|[above, left, right]| Borders { above, left, right, height, width }).collect();

        let channels = units.pixel(config).next_multiple_of(units.step) as u64;
        let row = |layer: usize| units.row(layers, layer).len as u64;
        let mut base = (0..layers.len()).map(row).max().unwrap_or(0).max(channels);
        let mut first = 0u64;
        let mut add = |source: Source, row: u64, channels: u64, cases: u64| {
            let (slots, whole) = (slots[ring_index(source)], schedule.is_whole(source));
            let constants = if skip.background.is_some() { cases } else { 0 };
            let (steps, place) = (channels.div_ceil(units.step as u64) as u32, first.saturating_add(constants));
            let ring = Ring { base, own: 0, row, steps, first, place, slots, source, whole };
            base = base.saturating_add(product(&[constants, row]));
            first = place.saturating_add(product(&[slots, images as u64, if whole { width as u64 } else { lanes }]));
            ring
        };
        let mut rings = vec![add(Source::Pixels, channels, channels, 1)];
        for l in 0..layers.len() {
            rings.push(add(Source::Layer(l), row(l), units.row(layers, l).read as u64, borders[l + 1].cases()));
        }
        let constants = base;
        let mut last_reads: Vec<Option<usize>> = vec![None; rings.len()];
        for (layer, source, _) in layers.reads() {
            last_reads[ring_index(source)] = Some(layer);
        }
        let mut space = Space { end: base, free: Vec::new() };
        for index in 0..rings.len() {
            let lanes = |ring: &Ring<u64>| if ring.whole { width as u64 } else { lanes };
            let room = |ring: &Ring<u64>| product(&[ring.slots, images as u64, lanes(ring), ring.row]);
            // What a layer reads is still wanted while it is computed; what only layers before it read is not.
            // Whole rows are read at later steps, too.
            let own_step = |ring: usize| keep != Keep::All && rings[ring].slots == 1 && !rings[ring].whole;
            let read_by = |ring: usize| last_reads[ring].filter(|_| own_step(ring));
            let ended = (1..index).filter(|&ring| read_by(ring).is_some_and(|layer| layer + 2 == index));
            for ring in ended.collect::<Vec<_>>() {
                space.free.push((rings[ring].own, room(&rings[ring])));
            }
            // What outlives its step must lie where no other layer writes at the next.
            rings[index].own = space.take(room(&rings[index]), own_step(index));
        }

        let batch = if keep == Keep::All { schedule.steps().min(BATCH) } else { 1 };
        let at_once = if schedule.has_whole() { width as u64 } else { lanes };
        let positions = product(&[batch as u64, images as u64, at_once]);
        let room = Room::of(layers, units, positions);
        let taps = layers.reads().count() as u64;
        let bytes = units.values(&[space.end])
            + Bytes::of::<Row>(&[first])
            + Bytes::of::<Plan>(&[layers.len() as u64])
            + Bytes::of::<Read>(&[taps])
            + front_bytes(room, units);
        Layout { schedule, skip, images, rings, borders, constants, values: space.end, rows: first, room, units, bytes }
    }

    /// All that the cache takes.
    pub fn bytes(&self) -> Bytes {
        self.bytes
    }

    /// Bytes that grow with the number of images, and bytes of constants: activations and where they lie.
    pub fn kept(&self) -> (u64, u64) {
        let rows: u64 = self.rings.iter().map(|ring| ring.place - ring.first).sum();
        let constants = self.constants - self.rings[0].base;
        let bytes = |values: u64, rows: u64| (self.units.values(&[values]) + Bytes::of::<Row>(&[rows])).0;
        (bytes(self.values - constants, self.rows - rows), bytes(constants, rows))
    }
}

/// The place of a source in lists that begin with the pixels.
pub(crate) fn ring_index(source: Source) -> usize {
    match source {
        Source::Pixels => 0,
        Source::Layer(layer) => layer + 1,
    }
}
