//! Activations kept for some images: what is computed of a front, and where it is put.

use crate::front::Front;
use crate::grid::{Grid, Offsets, Ring, Wave};
use crate::lanes::Lanes;
use crate::layer::PackedLayer;
use crate::table::{self, Found, NONE, OUTSIDE, Table};
use crate::tiles::{Scratch, run, tiles};
use std::ops::Range;

/// A row of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Where it starts.
    pub start: u32,
    /// How many steps of its channels to sum; the rest are zeros.
    pub depth: u32,
}

/// The row of zeros.
const ZEROS: Row = Row { start: 0, depth: 0 };

/// In place of a hash, which is odd, of what is not looked up: not all ids of it are known.
const APART: u64 = 0;
/// The same, since all it is computed from is of a blank image.
const BLANK: u64 = 2;

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
    /// Positions of a step.
    pub positions: Vec<Chosen>,
    /// What they are computed by: delay, whether whole rows, and steps.
    pub listed: (usize, bool, Range<usize>),
    /// (family) -> those of them whose rows are not there; empty where none are remembered, and all are computed.
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
    pub(crate) row: u16,
    class: u16,
    /// [`Grid::at`] of its column and image.
    pub(crate) at: u32,
    /// Its number among all that are computed at a step.
    lane: u32,
    /// Whether its rows are those of a blank image, where that is known without a look at what they are computed from: they are as long as no
    /// pixel of the image but of level 0 is known, and hardly ever once those of a family before were not.
    blank: Option<bool>,
    /// Their entry in the table and where they lie among its values; `None` where it does not keep them.
    entry: Option<(usize, u32)>,
}

impl Chosen {
    /// One that reads as at a row, and so much further.
    #[cfg(test)]
    pub(crate) fn at(row: u16, at: u32) -> Chosen {
        Chosen { step: 0, row, class: 0, at, lane: 0, blank: None, entry: None }
    }

    /// Where its row of such a ring is noted.
    #[inline]
    fn place(&self, grid: &Grid, ring: &Ring) -> usize {
        grid.row_of(ring, self.row.into()) + self.at as usize
    }
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
    /// The id of a pixel of level 0; that of another is so much more.
    pub lowest: u32,
    /// A bit for each image, 32 at most, of which no pixel is known but of level 0.
    pub blanks: u32,
    /// Bits of a pixel's id.
    pub bits: u32,
    /// (family) -> how it is looked up.
    pub looks: Vec<Look>,
    /// (position, word) of a front, of those that have a hash.
    pub keys: Vec<u32>,
    /// (position): of its key; or [`APART`], or [`BLANK`].
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
        let Some(family) = walk.choose(layer, classes, steps) else { return };
        if let Some(shared) = &walk.shared {
            // Within the room that was made for it.
            data.resize(data.len().max(shared.first + shared.table.end()), A::Value::default());
        }
        let plan = &mut walk.layers[layer];
        plan.macs += run(packed, data, &walk.front, walk.tails, scratch);
        let chosen = walk.chosen.get(family).unwrap_or(&walk.positions);
        let (grid, ring, kept) = (walk.grid, plan.ring, plan.kept);
        // What pads the channels may hold anything.
        let own = packed.row.min(ring.steps as usize * A::STEP);
        for (number, (&start, chosen)) in walk.front.outputs.all().iter().zip(chosen).enumerate() {
            let depth = match scratch.depths.get(number) {
                _ if !walk.tails => ring.steps,
                Some(&depth) => depth.div_ceil(A::STEP as u32).next_multiple_of(A::DEPTH_STEPS).min(ring.steps),
                None => depth_of::<A>(&data[start as usize..][..own]),
            };
            walk.rows[chosen.place(&grid, &ring)] = Row { start, depth };
            if let (Some(shared), Some((kept, _)), Some((entry, _))) = (&mut walk.shared, kept, chosen.entry) {
                shared.table.set_depth(entry, kept, depth);
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

    /// The tiles of what was computed last: positions, counted from its first.
    pub fn tiles(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        tiles(self.walk.front.positions())
    }

    /// The values, `[channels]`, of the rows that such a tile has read through a tap.
    pub fn read(&self, tile: Range<usize>, tap: usize, channels: usize) -> impl Iterator<Item = &[A::Value]> {
        let front = &self.walk.front;
        let taps = front.taps();
        tile.clone().map(move |position| &self.data[front.start(taps, &tile, tap, position)..][..channels])
    }
}

impl Walk {
    /// Images begin: no position that was computed is read any more.
    pub fn begin_images(&mut self) {
        // Above the image there is nothing.
        self.rows.fill(ZEROS);
        if let Some(shared) = &mut self.shared {
            shared.ids.fill(OUTSIDE);
            shared.blanks = u32::MAX;
            shared.table.begin_images();
        }
    }

    /// Makes a front of what a layer computes at some steps, and gives each position its place. The family whose positions they are;
    /// `None` where there is nothing to compute.
    fn choose(&mut self, layer: usize, classes: &[u16], steps: Range<usize>) -> Option<usize> {
        let plan = &self.layers[layer];
        let family = plan.family;
        // Most layers have the positions of the one before them.
        let Ring { delay, whole, .. } = plan.ring;
        let listed = (delay, whole, steps.clone());
        let is_root = self.shared.as_ref().is_none_or(|shared| shared.looks[family].root == layer);
        if is_root && (layer == 0 || self.listed != listed) {
            self.listed = listed;
            self.positions.clear();
            let blanks = self.shared.as_ref().map_or(0, |shared| shared.blanks);
            for step in steps {
                for (row, columns) in self.wave.positions(delay, whole, step) {
                    let lane = row % self.lanes;
                    for (column, (image, &class)) in
                        columns.flat_map(|column| classes.iter().enumerate().map(move |c| (column, c)))
                    {
                        let (at, lane) = (self.grid.at(image, column) as u32, (lane * self.images + image) as u32);
                        self.positions.push(Chosen {
                            step: step as u32,
                            row: row as u16,
                            class,
                            at,
                            lane,
                            blank: (blanks >> image & 1 > 0).then_some(true),
                            entry: None,
                        });
                    }
                }
            }
        }
        // Where rows are remembered it is one step at a time, each with all its layers in their order.
        if let Some(shared) = &mut self.shared {
            if layer == 0 {
                shared.table.step();
            }
            if is_root {
                self.look_up(family, classes.len());
            }
        }
        self.gather(layer);
        (self.front.positions() > 0).then_some(family)
    }

    /// Looks up the positions of a family, of so many images, chooses those whose rows are not there, and points the others to theirs.
    fn look_up(&mut self, family: usize, images: usize) {
        let Walk { grid, rows, positions, chosen, shared, .. } = self;
        let (Some(shared), chosen) = (shared, &mut chosen[family]) else { return };
        let Shared { table, first, ids, lowest, bits, looks, keys, hashes, .. } = shared;
        let look = &looks[family];
        let (limit, blanks) = (table.limit(family, positions.len(), images), table.blanks(family));
        let (words, to_a_word) = (table.words(family), (u32::BITS / *bits) as usize);
        keys.resize(keys.len().max(positions.len() * words), 0);
        hashes.clear();
        let mut known = 0;
        hashes.extend(positions.iter().map(|&Chosen { row, class, at, blank, .. }| {
            match blank {
                Some(true) if blanks > 0 => return BLANK,
                Some(false) if limit == 0 => return APART,
                _ => (),
            }
            let (of_pixels, of_rows) = look.offsets.of(row.into()).split_at(look.pixels);
            let key = &mut keys[known * words..][..words];
            let (key_of_rows, key_of_pixels) = key.split_at_mut(of_rows.len());
            let id = |offset: u32| ids[(offset + at) as usize];
            let mut last = 0;
            // The last are the nearest, and the likeliest to have none.
            let mut each = key_of_rows.iter_mut().zip(of_rows.iter().rev().map(|&row| id(row)));
            let all_are_known = each.all(|(word, id)| {
                *word = id;
                last = last.max(id);
                id < limit.max(blanks)
            });
            if !all_are_known {
                return APART;
            }
            let mut brightest = 0;
            for (word, pixels) in key_of_pixels.iter_mut().zip(of_pixels.chunks(to_a_word)) {
                *word = pixels.iter().fold(0, |word, &pixel| {
                    brightest = brightest.max(id(pixel));
                    word << *bits | id(pixel)
                });
            }
            if last < blanks && brightest <= *lowest {
                return BLANK;
            }
            if last >= limit {
                return APART;
            }
            if look.class {
                key[words - 1] = class.into();
            }
            known += 1;
            table::hash(key)
        }));
        table.touch(family, hashes.iter().copied().filter(|&hash| hash % 2 > 0));
        let mut keys = keys.chunks_exact(words.max(1));
        chosen.clear();
        for (position, &hash) in positions.iter_mut().zip(&*hashes) {
            if hash != BLANK {
                position.blank = Some(false);
            }
            let Chosen { row, class, at, .. } = *position;
            let (row, at) = (usize::from(row), at as usize);
            let found = match hash {
                APART => None,
                BLANK => Some(table.blank(family, row, at / grid.images, class.into())),
                hash => table.look_up(family, hash, &keys.next().unwrap_or(&[])[..words]),
            };
            table.count(family, found);
            ids[grid.row_of(&look.ring, row) + at] = found.map_or(NONE, |found| found.id);
            if let Some(Found { entry: Some((entry, start)), is_new: false, .. }) = found {
                for (number, (ring, offset)) in look.kept.iter().enumerate() {
                    let depth = ring.steps.min(table.depth(entry, number));
                    rows[grid.row_of(ring, row) + at] = Row { start: *first as u32 + start + offset, depth };
                }
            } else {
                chosen.push(Chosen { entry: found.and_then(|found| found.entry), ..*position });
            }
        }
    }

    /// Makes a front of what the layer is to compute, and gives each position its place.
    fn gather(&mut self, layer: usize) {
        let Walk { wave, images, lanes, grid, rows, front, layers, positions, chosen, shared, .. } = self;
        let plan = &layers[layer];
        let chosen = chosen.get(plan.family).unwrap_or(positions);
        front.read(&plan.reads, rows, chosen);
        let Front { begins, residuals, outputs, .. } = front;
        let Ring { slots, whole, own, row: values, .. } = plan.ring;
        let all = *images * if whole { wave.width } else { *lanes };
        begins.list(chosen.iter().map(|chosen| match &plan.start {
            Some(ring) => rows[chosen.place(grid, ring)].start,
            None => u32::from(plan.class) * u32::from(chosen.class),
        }));
        residuals.clear();
        if let Some(ring) = &plan.residual {
            residuals.list(chosen.iter().map(|chosen| rows[chosen.place(grid, ring)].start));
        }
        let kept = shared.as_ref().zip(plan.kept).map(|(shared, (_, offset))| shared.first + offset);
        // Nearly always all are of one step or row, and a division takes long.
        let (mut time, mut first) = (0, own);
        outputs.list(chosen.iter().map(|chosen| match (kept, chosen.entry) {
            (Some(kept), Some((_, start))) => (kept + start as usize) as u32,
            _ => {
                let (now, number) = if whole { (chosen.row.into(), chosen.at) } else { (chosen.step, chosen.lane) };
                if now != time {
                    (time, first) = (now, own + now as usize % slots * all * values);
                }
                (first + number as usize * values) as u32
            }
        }));
    }

    /// Notes a pixel's level. The place of its row, and where that is.
    fn put(&mut self, image: usize, row: usize, column: usize, level: u16) -> (usize, Row) {
        let Walk { wave, images, lanes, grid, pixels, .. } = self;
        let place = grid.row_of(pixels, row) + grid.at(image, column);
        let step = wave.slope * row + column + pixels.delay;
        if let Some(shared) = &mut self.shared {
            shared.ids[place] = u32::from(level) + shared.lowest;
            shared.blanks &= !(u32::from(level > 0) << image);
        }
        let number = (step % pixels.slots * *lanes + row % *lanes) * *images + image;
        (place, Row { start: (pixels.own + number * pixels.row) as u32, depth: pixels.steps })
    }
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
