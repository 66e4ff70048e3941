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

use crate::error::Error;
use crate::kernels::{self, Lanes, PackedLayer, Room, Row, Scratch};
use crate::layers::{Layers, Source, Start, Tap};
use crate::layout::{BATCH, Borders, Layout, Plan, Read, Ring, Skip, ring_index};
use crate::memory::{product, reserve, try_room, try_zeroed};
use crate::schedule::Schedule;
use std::ops::Range;

/// The row of zeros, which is never read; also what stands for a constant that is not computed yet.
const ZEROS: Row = Row { start: 0, depth: 0 };

/// The activations kept for some images that are computed in step.
#[derive(Debug)]
pub struct Cache<A: Lanes> {
    schedule: Schedule,
    skip: Skip,
    images: usize,
    lanes: usize,
    data: Vec<A::Value>,
    constants: usize, // offset after the last constant's values
    rows: Vec<Row>,   // (constant or position of any ring) -> the row that holds its values
    pixels: Ring,
    layers: Vec<Plan>,
    front: Front<A>,
    kept: (u64, u64), // bytes, as `Layout::kept` has them
}

/// A front as the kernels take it, and as the cache must remember it.
#[derive(Debug)]
struct Front<A: Lanes> {
    taps: Vec<Row>,      // (position, tap)
    begins: Vec<u32>,    // (position), or empty: its image's class, or the row that its sums begin with
    residuals: Vec<u32>, // (position), or empty
    rows: Vec<u32>,      // (position) -> where to write
    targets: Vec<usize>, // (position) -> index in `rows`
    bases: Vec<usize>,   // (tap) -> index in `rows` of the slot it reads
    scratch: Scratch<A>,
}

impl<A: Lanes> Cache<A> {
    /// An empty cache. Nothing needs clearing between images: a schedule reads only what it wrote. Nothing is allocated later.
    /// `level` tells what each is to the net.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new<'a>(layers: &Layers, layout: Layout, level: impl Fn(u16) -> &'a [A::Value]) -> Result<Cache<A>, Error> {
        let kept = layout.kept();
        let Layout { schedule, skip, images, rings, borders, constants, values, rows, room, bytes, .. } = layout;
        // Kernels address rows by bytes in 32 bits, and what they can address is addressed by usize too.
        let none = || Error::OutOfMemory { bytes: bytes.0, limit: None };
        let addressed = |count: u64, size: usize| u32::try_from(product(&[count, size as u64])).map_err(|_| none());
        addressed(values, size_of::<A::Value>())?;
        let rows = usize::try_from(rows).map_err(|_| none())?;

        let rings: Vec<Ring> = rings.into_iter().map(Ring::narrow).collect();
        let (pixels, lanes) = (rings[0], schedule.lanes());
        let plans = plans(layers, &schedule, &rings, &borders)?;
        let mut data = try_zeroed(values as usize)?;
        if let Some(background) = skip.background {
            let values = level(background);
            data[pixels.base..][..values.len()].copy_from_slice(values);
        }
        let mut rows = try_zeroed(rows)?;
        if skip.background.is_some() {
            rows[pixels.first] = pixels.constant_row(0);
        }
        let (constants, front) = (constants as usize, bytes.told(Front::with_room(room))?);
        Ok(Cache { schedule, skip, images, lanes, data, constants, rows, pixels, layers: plans, front, kept })
    }

    /// Whether it may serve where another would be made.
    pub fn has_room_of(&self, layout: &Layout) -> bool {
        self.skip == layout.skip && self.images >= layout.images && self.schedule == layout.schedule
    }

    /// The schedule it is made for.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Images it has room for.
    pub fn images(&self) -> usize {
        self.images
    }

    /// As [`Layout::kept`].
    pub fn bytes(&self) -> (u64, u64) {
        self.kept
    }

    /// Multiply-adds issued by each layer since it was made, or reset: a product with a zero that was not skipped counts.
    pub fn macs(&self) -> impl Iterator<Item = u64> + '_ {
        self.layers.iter().map(|plan| plan.macs)
    }

    /// Starts counting anew.
    pub fn reset_macs(&mut self) {
        self.layers.iter_mut().for_each(|plan| plan.macs = 0);
    }

    /// Computes a layer at every position of the given steps, for the first images, one for each of `classes`. What it reads
    /// there must have been computed, or put.
    pub fn compute(&mut self, layer: usize, packed: &PackedLayer<A>, classes: &[u16], steps: Range<usize>) {
        for first in steps.clone().step_by(BATCH) {
            self.compute_batch(layer, packed, classes, first..steps.end.min(first + BATCH));
        }
    }

    fn compute_batch(&mut self, layer: usize, packed: &PackedLayer<A>, classes: &[u16], steps: Range<usize>) {
        self.front.clear();
        for step in steps {
            self.gather(layer, classes, step);
        }
        let front = &mut self.front;
        let Front { taps, begins, residuals, rows: outputs, scratch, .. } = front;
        let places = kernels::Places { taps, begins, residuals, outputs };
        self.layers[layer].macs += kernels::run(packed, &mut self.data, &places, scratch);
        if self.skip.tails {
            // What pads the channels may hold anything.
            let own = packed.row().min(self.layers[layer].ring.steps as usize * A::STEP);
            for (&target, &row) in front.targets.iter().zip(&front.rows) {
                let values = &self.data[row as usize..][..own];
                self.rows[target].depth = depth_of::<A>(values);
            }
        }
    }

    /// Appends to the front all positions that the layer computes at a step, and gives each its place.
    fn gather(&mut self, layer: usize, classes: &[u16], step: usize) {
        let Cache { schedule, images, lanes, constants, rows, front, layers, .. } = self;
        let is_constant = |row: Row| (row.start as usize) < *constants;
        let (plan, lanes, images) = (&layers[layer], *lanes, *images);
        let ring = &plan.ring;
        // All that a front reads through a tap was computed at one step: in fronts, its slot is found once.
        let slot = |ring: &Ring, step: usize| ring.place + step % ring.slots * images * lanes;
        // Before the image's first steps there is nothing to read, and no position that would.
        let read_slot = |read: &Read| slot(&read.ring, (step as i64 - read.age).max(0) as usize);
        let by_fronts = !schedule.has_whole();
        front.bases.clear();
        if by_fronts {
            front.bases.extend(plan.reads.iter().map(read_slot));
        }
        let (own, start, added) = if by_fronts {
            (slot(ring, step), plan.start.as_ref().map_or(0, read_slot), plan.residual.as_ref().map_or(0, read_slot))
        } else {
            (0, 0, 0)
        };
        for (row, columns) in schedule.positions(ring.source, step) {
            let lane = row % lanes;
            for (column, (image, &class)) in columns.flat_map(|column| classes.iter().enumerate().map(move |c| (column, c))) {
                let at = image * lanes;
                let place = |read: &Read, base: usize, y: i32, x: i32| {
                    if by_fronts {
                        base + at + if lane >= read.up { lane - read.up } else { lane + lanes - read.up }
                    } else {
                        place_of(schedule, &read.ring, images, image, y as usize, x as usize)
                    }
                };
                let here = |read: &Read, base: usize| rows[place(read, base, row as i32, column as i32)];
                let mut blank = ring.place > ring.first;
                front.taps.extend(plan.reads.iter().enumerate().map(|(number, read)| {
                    let (y, x) = (row as i32 + read.dy, column as i32 + read.dx);
                    if y < 0 || x as u32 >= schedule.width as u32 {
                        return ZEROS;
                    }
                    let source = rows[place(read, front.bases.get(number).map_or(0, |&base| base), y, x)];
                    blank &= is_constant(source);
                    source
                }));
                if let Some(read) = &plan.start {
                    let source = here(read, start);
                    blank &= is_constant(source);
                    front.begins.push(source.start);
                } else if plan.class {
                    front.begins.push(class.into());
                }
                if let Some(read) = &plan.residual {
                    let source = here(read, added);
                    blank &= is_constant(source);
                    front.residuals.push(source.start);
                }
                let position = if by_fronts { own + at + lane } else { place_of(schedule, ring, images, image, row, column) };
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

    /// Puts a pixel's level, which is these values to the net.
    pub fn put_pixel(&mut self, image: usize, row: usize, column: usize, level: u16, values: &[A::Value]) {
        let ring = self.pixels;
        let position = self.position(ring, image, row, column);
        if self.skip.background == Some(level) {
            self.rows[position] = self.rows[ring.first];
            return;
        }
        let mut own = ring.own_row(position);
        self.data[own.start as usize..][..values.len()].copy_from_slice(values);
        if self.skip.tails {
            own.depth = depth_of::<A>(values);
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
        place_of(&self.schedule, &ring, self.images, image, row, column)
    }
}

/// The index in `rows` of a position.
fn place_of(schedule: &Schedule, ring: &Ring, images: usize, image: usize, row: usize, column: usize) -> usize {
    if ring.whole {
        return ring.place + (row % ring.slots * images + image) * schedule.width + column;
    }
    let (step, lanes) = (schedule.slope * row + column + schedule.delay(ring.source), schedule.lanes());
    ring.place + (step % ring.slots * images + image) * lanes + row % lanes
}

/// Steps of a row up to its last value other than zero.
fn depth_of<A: Lanes>(values: &[A::Value]) -> u32 {
    let last = values.iter().rposition(|&value| value != A::Value::default());
    last.map_or(0, |last| (last / A::STEP) as u32 + 1)
}

fn plans(layers: &Layers, schedule: &Schedule, rings: &[Ring], borders: &[Borders]) -> Result<Vec<Plan>, Error> {
    let lanes = schedule.lanes();
    let read = |layer: usize, source: Source, tap: Tap| Read {
        ring: rings[ring_index(source)],
        dy: tap.dy,
        dx: tap.dx,
        up: tap.dy.unsigned_abs() as usize % lanes,
        age: schedule.age(layer, source, tap),
    };
    let mut plans = try_room(layers.len())?;
    for (l, layer) in layers.iter().enumerate() {
        let mut reads = try_room(layer.inputs.iter().map(|input| input.terms.len()).sum())?;
        for input in &layer.inputs {
            reads.extend(input.terms.iter().map(|term| read(l, input.source, term.tap)));
        }
        let here = |source: usize| read(l, Source::Layer(source), Tap::HERE);
        let (start, class) = match layer.start {
            Start::Layer(source) => (Some(here(source)), false),
            Start::Bias { class } => (None, class),
        };
        let residual = layer.residual.map(here);
        plans.push(Plan { ring: rings[l + 1], reads, start, class, residual, borders: borders[l + 1], macs: 0 });
    }
    Ok(plans)
}

impl<A: Lanes> Front<A> {
    fn with_room(room: Room) -> Result<Front<A>, Error> {
        let n = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let (positions, taps) = (n(room.positions), n(room.taps));
        let mut scratch = Scratch::default();
        scratch.reserve(room)?;
        let (begins, residuals, rows, targets, bases) = (vec![], vec![], vec![], vec![], vec![]);
        let mut front = Front { taps: vec![], begins, residuals, rows, targets, bases, scratch };
        reserve(&mut front.taps, &[positions, taps])?;
        reserve(&mut front.begins, &[positions])?;
        reserve(&mut front.residuals, &[positions])?;
        reserve(&mut front.rows, &[positions])?;
        reserve(&mut front.targets, &[positions])?;
        reserve(&mut front.bases, &[taps])?;
        Ok(front)
    }

    fn clear(&mut self) {
        self.taps.clear();
        self.begins.clear();
        self.residuals.clear();
        self.rows.clear();
        self.targets.clear();
    }

    /// Takes back the last position, of which no row is listed yet.
    fn drop_last(&mut self, taps: usize) {
        self.taps.truncate(self.taps.len() - taps);
        self.begins.truncate(self.rows.len());
        self.residuals.truncate(self.rows.len());
    }
}
