//! Activations kept for some images: what is computed of a front, and where it is put.

use crate::grid::{Grid, Offsets, Ring, Wave};
use crate::lanes::Lanes;
use crate::layer::PackedLayer;
use crate::table::{self, Found, NONE, OUTSIDE, Table};
use crate::tiles::{Places, Room, Row, Scratch, reserve, run};
use std::collections::TryReserveError;
use std::ops::Range;

/// The row of zeros.
const ZEROS: Row = Row { start: 0, depth: 0 };

/// Steps that are computed at a time where all are known: enough for whole tiles, few enough that their places stay small.
pub const BATCH: usize = 1024;

/// The activations kept for some images that are computed in step.
#[derive(Debug)]
pub struct Activations<A: Lanes> {
    /// All rows' values.
    pub data: Vec<A::Value>,
    /// What tiles need.
    pub scratch: Scratch<A>,
    /// Where they lie.
    pub walk: Walk,
}

/// Where activations lie, and which of them are computed, in whatever precision.
#[derive(Debug)]
pub struct Walk {
    /// When they are computed.
    pub wave: Wave,
    /// Whether zeros at the end of a row are left out.
    pub tails: bool,
    /// Images that there is room for.
    pub images: usize,
    /// Rows in flight at most.
    pub lanes: usize,
    /// Places.
    pub grid: Grid,
    /// (place) -> the row that holds its values.
    pub rows: Vec<Row>,
    /// Of pixels.
    pub pixels: Ring,
    /// What layers read, and where their rows lie.
    pub layers: Vec<Plan>,
    /// What is computed now.
    pub front: Front,
    /// (family), or one for all where nothing is remembered: what it computes at a step.
    pub chosen: Vec<Vec<Chosen>>,
    /// What is remembered.
    pub shared: Option<Shared>,
}

/// What a layer reads, and where its rows lie.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its rows.
    pub ring: Ring,
    /// Of what it reads.
    pub reads: Offsets,
    /// Of the layer that sums begin with.
    pub start: Option<Ring>,
    /// Whether they begin with a class's vector.
    pub class: bool,
    /// Of the layer that is added last.
    pub residual: Option<Ring>,
    /// The family whose id its rows follow from.
    pub family: usize,
    /// Its number among the rows that the family keeps, and where it begins among their values.
    pub kept: Option<(usize, usize)>,
    /// Multiply-adds issued so far.
    pub macs: u64,
}

/// A position whose rows a family is to compute.
#[derive(Clone, Copy, Debug)]
pub struct Chosen {
    step: u32,
    image: u16,
    row: u16,
    column: u16,
    class: u16,
    /// Their entry in the table and where they lie among its values; `None` where it does not keep them.
    entry: Option<(usize, u32)>,
}

/// What is remembered, and how it is looked up.
#[derive(Debug)]
pub struct Shared {
    /// Ids.
    pub table: Table,
    /// Offset of the first row's values.
    pub first: usize,
    /// (place of pixels, or of a family's root) -> its row's id.
    pub ids: Vec<u32>,
    /// Bits of a pixel's id.
    pub bits: u32,
    /// (family) -> how it is looked up.
    pub looks: Vec<Look>,
    /// (position, word) of a front.
    pub keys: Vec<u32>,
    /// (position): of its key, 0 where not all ids of it are known.
    pub hashes: Vec<u64>,
}

/// How a family is looked up.
#[derive(Clone, Debug)]
pub struct Look {
    /// The layer that is looked up: the first of the family.
    pub root: usize,
    /// Of the root.
    pub ring: Ring,
    /// Of its key, those of pixels first.
    pub offsets: Offsets,
    /// How many are ids of pixels, many to a word.
    pub pixels: usize,
    /// Whether the class is one id more.
    pub class: bool,
    /// Rings of the layers whose rows are kept, and where they begin among an entry's values.
    pub kept: Vec<(Ring, u32)>,
}

/// A front as the kernels take it, and as the cache must remember it.
#[derive(Debug)]
pub struct Front {
    taps: Vec<Row>,      // (position, tap)
    begins: Vec<u32>,    // (position), or empty: its image's class, or the row that its sums begin with
    residuals: Vec<u32>, // (position), or empty
    rows: Vec<u32>,      // (position) -> where to write
    targets: Vec<usize>, // (position) -> its place
}

impl<A: Lanes> Activations<A> {
    /// Computes a layer at every position of the given steps, for the first images, one for each of `classes`. What it reads
    /// there must have been computed, or put.
    pub fn compute(&mut self, layer: usize, packed: &PackedLayer<A>, classes: &[u16], steps: Range<usize>) {
        for first in steps.clone().step_by(BATCH) {
            self.compute_batch(layer, packed, classes, first..steps.end.min(first + BATCH));
        }
    }

    fn compute_batch(&mut self, layer: usize, packed: &PackedLayer<A>, classes: &[u16], steps: Range<usize>) {
        let Activations { data, scratch, walk } = self;
        scratch.clear();
        let Some(family) = walk.choose(layer, classes, steps) else { return };
        if let Some(shared) = &walk.shared {
            // Within the room that was made for it.
            data.resize(data.len().max(shared.first + shared.table.end()), A::Value::default());
        }
        let Front { taps, begins, residuals, rows: outputs, targets } = &walk.front;
        let places = Places { taps, begins, residuals, outputs };
        let plan = &mut walk.layers[layer];
        plan.macs += run(packed, data, &places, scratch);
        if walk.tails {
            // What pads the channels may hold anything.
            let own = packed.row.min(plan.ring.steps as usize * A::STEP);
            for ((&target, &row), chosen) in targets.iter().zip(outputs).zip(&walk.chosen[family]) {
                let depth = depth_of::<A>(&data[row as usize..][..own]);
                walk.rows[target].depth = depth;
                if let (Some(shared), Some((kept, _)), Some((entry, _))) = (&mut walk.shared, plan.kept, chosen.entry) {
                    shared.table.set_depth(entry, kept, depth);
                }
            }
        }
    }

    /// Puts a pixel's level, which is these values to the net.
    pub fn put_pixel(&mut self, image: usize, row: usize, column: usize, level: u16, values: &[A::Value]) {
        let (place, mut own) = self.walk.put(image, row, column, level);
        // One by one: of one or two, a call that copies takes longer.
        values.iter().enumerate().for_each(|(k, &value)| self.data[own.start as usize + k] = value);
        if self.walk.tails {
            own.depth = depth_of::<A>(values);
        }
        self.walk.rows[place] = own;
    }

    /// What a layer computed at a position, `[out_channels]`; sums where it is the last.
    pub fn output(&self, layer: usize, image: usize, row: usize, column: usize) -> &[A::Value] {
        let Walk { grid, layers, rows, .. } = &self.walk;
        let place = grid.row_of(&layers[layer].ring, row) + grid.at(image, column);
        &self.data[rows[place].start as usize..]
    }

    /// The values, `[channels]`, of a row that was read by what was computed last: `place` is a position's number times the layer's taps,
    /// plus the tap.
    pub fn read(&self, place: usize, channels: usize) -> &[A::Value] {
        &self.data[self.walk.front.taps[place].start as usize..][..channels]
    }
}

impl Walk {
    /// Images begin: no position that was computed is read any more.
    pub fn begin_images(&mut self) {
        // Above the image there is nothing.
        self.rows.fill(ZEROS);
        if let Some(shared) = &mut self.shared {
            shared.ids.fill(OUTSIDE);
            shared.table.begin_images();
        }
    }

    /// Makes a front of what a layer computes at some steps, and gives each position its place. The family whose positions they are;
    /// `None` where there is nothing to compute.
    fn choose(&mut self, layer: usize, classes: &[u16], steps: Range<usize>) -> Option<usize> {
        let mut family = 0;
        if self.shared.is_some() {
            family = self.layers[layer].family;
            // One step at a time, each with all its layers in their order.
            self.look_up(layer, classes, steps.start);
        } else {
            self.chosen[0].clear();
            steps.for_each(|step| self.choose_all(layer, classes, step));
        }
        self.front.clear();
        if self.chosen[family].is_empty() {
            return None;
        }
        self.gather(layer);
        Some(family)
    }

    /// Lists all positions that the layer computes at a step.
    fn choose_all(&mut self, layer: usize, classes: &[u16], step: usize) {
        let Ring { delay, whole, .. } = self.layers[layer].ring;
        for (row, columns) in self.wave.positions(delay, whole, step) {
            for column in columns {
                self.chosen[0].extend(classes.iter().enumerate().map(|(image, &class)| Chosen {
                    step: step as u32,
                    image: image as u16,
                    row: row as u16,
                    column: column as u16,
                    class,
                    entry: None,
                }));
            }
        }
    }

    /// Where the layer is its family's root: looks up all positions that it computes at a step, lists those whose rows are not there,
    /// and points the others to theirs.
    fn look_up(&mut self, layer: usize, classes: &[u16], step: usize) {
        let Walk { wave, grid, rows, layers, chosen, shared, .. } = self;
        let (Some(shared), family) = (shared, layers[layer].family) else { return };
        let Shared { table, first, ids, bits, looks, keys, hashes } = shared;
        let look = &looks[family];
        if look.root != layer {
            return;
        }
        if layer == 0 {
            table.step();
        }
        let chosen = &mut chosen[family];
        chosen.clear();
        keys.clear();
        hashes.clear();
        let to_a_word = (u32::BITS / *bits) as usize;
        for (row, columns) in wave.positions(look.ring.delay, look.ring.whole, step) {
            let (of_pixels, of_rows) = look.offsets.of(row).split_at(look.pixels);
            for (column, (image, &class)) in columns.flat_map(|column| classes.iter().enumerate().map(move |c| (column, c))) {
                let (from, at) = (keys.len(), grid.at(image, column));
                let id = |offset: u32| ids[offset as usize + at];
                for pixels in of_pixels.chunks(to_a_word) {
                    keys.push(pixels.iter().fold(0, |word, &pixel| word << *bits | id(pixel)));
                }
                let mut known = true;
                for &row in of_rows {
                    let id = id(row);
                    known &= id != NONE;
                    keys.push(id);
                }
                if look.class {
                    keys.push(class.into());
                }
                hashes.push(if known { table::hash(&keys[from..]) } else { 0 });
                let (step, image, row, column) = (step as u32, image as u16, row as u16, column as u16);
                chosen.push(Chosen { step, image, row, column, class, entry: None });
            }
        }
        table.touch(family, hashes.iter().copied().filter(|&hash| hash != 0));
        let words = keys.len() / chosen.len().max(1);
        let numbered = table.watch(family, chosen.len());
        let mut left = 0;
        for number in 0..chosen.len() {
            let Chosen { image, row, column, .. } = chosen[number];
            let (row, at) = (usize::from(row), grid.at(image.into(), column.into()));
            let found = match hashes[number] {
                0 => {
                    table.count_apart(family);
                    None
                }
                hash => table.look_up(family, hash, &keys[number * words..][..words], numbered),
            };
            ids[grid.row_of(&look.ring, row) + at] = found.map_or(NONE, |found| found.id);
            if let Some(Found { entry: Some((entry, start)), is_new: false, .. }) = found {
                for (number, (ring, offset)) in look.kept.iter().enumerate() {
                    let depth = ring.steps.min(table.depth(entry, number));
                    rows[grid.row_of(ring, row) + at] = Row { start: *first as u32 + start + offset, depth };
                }
            } else {
                chosen[left] = Chosen { entry: found.and_then(|found| found.entry), ..chosen[number] };
                left += 1;
            }
        }
        chosen.truncate(left);
    }

    /// Makes a front of what the layer is to compute, and gives each position its place.
    fn gather(&mut self, layer: usize) {
        let Walk { wave, images, lanes, grid, rows, front, layers, chosen, shared, .. } = self;
        let plan = &layers[layer];
        let chosen = &chosen[if shared.is_some() { plan.family } else { 0 }];
        for &Chosen { step, image, row, column, class, entry } in chosen {
            let (step, image, row, column) = (step as usize, usize::from(image), usize::from(row), usize::from(column));
            let at = grid.at(image, column);
            front.taps.extend(plan.reads.of(row).iter().map(|&offset| rows[offset as usize + at]));
            let here = |ring: &Ring| rows[grid.row_of(ring, row) + at].start;
            if let Some(ring) = &plan.start {
                front.begins.push(here(ring));
            } else if plan.class {
                front.begins.push(class.into());
            }
            front.residuals.extend(plan.residual.as_ref().map(here));
            let target = match (shared.as_ref(), plan.kept, entry) {
                (Some(Shared { first, .. }), Some((_, offset)), Some((_, start))) => {
                    Row { start: (*first + offset) as u32 + start, depth: plan.ring.steps }
                }
                _ => own_row(*wave, &plan.ring, (*images, *lanes), step, image, row, column),
            };
            let place = grid.row_of(&plan.ring, row) + at;
            rows[place] = target;
            front.rows.push(target.start);
            front.targets.push(place);
        }
    }

    /// Notes a pixel's level. The place of its row, and where that is.
    fn put(&mut self, image: usize, row: usize, column: usize, level: u16) -> (usize, Row) {
        let Walk { wave, images, lanes, grid, pixels, .. } = self;
        let place = grid.row_of(pixels, row) + grid.at(image, column);
        let step = wave.slope * row + column + pixels.delay;
        if let Some(shared) = &mut self.shared {
            shared.ids[place] = u32::from(level) + 1; // 0 is outside
        }
        (place, own_row(*wave, pixels, (*images, *lanes), step, image, row, column))
    }
}

/// The row of values that a ring has for a position, of so many images and lanes.
fn own_row(
    wave: Wave,
    ring: &Ring,
    (images, lanes): (usize, usize),
    step: usize,
    image: usize,
    row: usize,
    column: usize,
) -> Row {
    let number = if ring.whole {
        (row % ring.slots * images + image) * wave.width + column
    } else {
        (step % ring.slots * images + image) * lanes + row % lanes
    };
    Row { start: (ring.own + number * ring.row) as u32, depth: ring.steps }
}

/// Steps of a row up to its last value other than zero.
fn depth_of<A: Lanes>(values: &[A::Value]) -> u32 {
    const BLOCK: usize = 16; // zeros of which are looked at side by side
    let is_zero = |value: &A::Value| *value == A::Value::default();
    let mut end = values.len();
    while end >= BLOCK && values[end - BLOCK..end].iter().fold(true, |zeros, value| zeros & is_zero(value)) {
        end -= BLOCK;
    }
    let last = values[..end].iter().rposition(|value| !is_zero(value));
    last.map_or(0, |last| (last / A::STEP) as u32 + 1)
}

impl Front {
    /// With room for so much.
    ///
    /// # Errors
    /// Where the host has none.
    pub fn with_room(room: Room) -> Result<Front, TryReserveError> {
        let n = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let (positions, taps) = (n(room.positions), n(room.taps));
        let (begins, residuals, rows, targets) = (vec![], vec![], vec![], vec![]);
        let mut front = Front { taps: vec![], begins, residuals, rows, targets };
        reserve(&mut front.taps, &[positions, taps])?;
        reserve(&mut front.begins, &[positions])?;
        reserve(&mut front.residuals, &[positions])?;
        reserve(&mut front.rows, &[positions])?;
        reserve(&mut front.targets, &[positions])?;
        Ok(front)
    }

    fn clear(&mut self) {
        self.taps.clear();
        self.begins.clear();
        self.residuals.clear();
        self.rows.clear();
        self.targets.clear();
    }
}
