//! Rows shared by content: no row of activations is computed twice while it is remembered.
//!
//! A row is a pure function of the rows that its layer reads, so rows are told apart by numbers, their *ids*, and never by their
//! values. A position whose layer reads the same ids through the same taps as another has, bit for bit, the same row, in any image of
//! any run. Outside the image is an id too, a pixel's id is its level, and a class is one id more for a layer that adds its vector. What is
//! outside and a level that is 0 to the net have one id, since of neither a product adds anything: so a position near a blank border is
//! met where one amid the blank was.
//!
//! *Families.* A layer that reads at its own position alone, rows that all follow from one id already looked up there, needs no id of
//! its own: 1x1 layers, gates, residuals, heads. With the layer that has the id, its *root*, it makes a family, and only roots are
//! looked up: the stem and each masked convolution of the reference's net, six of eighteen layers. This is read off the list of layers
//! ([`families`]) and holds for any.
//!
//! *The table* ([`Table`]) maps (root, ids read) to an id, and to the rows of those members of the family that another family reads. It
//! is as large as it was planned and never grows. The ids that a row is looked up by choose one of its sets, of sixteen ids, four of
//! which have their rows kept: an id takes little room, and what is computed from it can be met only while it is remembered. What is met
//! for the first time in a full set has its id remembered alone: most rows never come again, and are computed where they always were,
//! in the ring. Of an image alone what is computed from an id that is new itself has not even one, until that is met: it can be met by
//! nothing before. Where too few are met, nothing is looked up for a while ([`Table::limit`]). When a row is met again its values
//! are kept, in place of those of the set that were not met for longest. Rows that a position still in flight may read are never
//! replaced: each set knows at which step they were met last, and a ring is so many steps
//! long. An id may be forgotten at any time: it stays what it is for those who have it.
//!
//! *What is blank* comes again most of all, and is not even looked up. A row that follows from pixels of level 0 alone is that of another
//! position unless an edge of the image lies within its reach of either. So where all ids that it is computed from are of such rows, it lies at
//! a place that follows from its family, class and position ([`Blank`]): it is computed when that is asked for first, and kept as long as
//! the table is. Its id follows as well, and others are looked up by it as by any. Of deep nets, whose positions see nearly all of an
//! image, hardly anything else comes again.
//!
//! *Two silent wrong answers* are ruled out. Hashes choose where to look and nothing else: ids are compared in full. And no id comes a second
//! time while anything remembers it: when 32 bits of them are used up (some two million digits), positions go without until the images
//! under way are done; then the table is emptied and numbering begins anew. 64 bits would never end, and make keys of twice the size.
//!
//! No result depends on what is met: a row is the same met or computed, so neither does any on the table's size, or on what ran before.

use crate::config::{Config, Input};
use crate::error::Error;
use crate::layers::{Layer, Layers, Source, Start, Tap};
use crate::memory::{Bytes, product, try_room, try_zeroed};
use crate::packed::Units;
use crate::schedule::{Schedule, fits};
pub use pixelcnn_kernels::table::Met;
use pixelcnn_kernels::table::{Blank, KEPT, LINE, LOOK_UP_MACS, OUTSIDE, Part, Table, WAYS, Watch};

/// Layers whose rows follow from one id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Family {
    /// The layer that is looked up: the first of them.
    pub root: usize,
    /// The ids by which it is looked up: of pixels, and then of other roots.
    pub key: Vec<(Source, Tap)>,
    /// Whether the image's class is one more.
    pub class: bool,
    /// The members that other families read, or that make the logits: the rows that a table keeps.
    pub kept: Vec<usize>,
    /// Multiply-adds of all members for one position.
    pub macs: u64,
    /// Families whose ids at its own position are part of its key.
    here: Vec<usize>,
    /// Whether the class follows from its id.
    knows_class: bool,
    /// Whether its rows depend on the class, of whichever positions.
    of_class: bool,
    /// How far above, left and right of a position lies what its row is computed from, but for pixels that are nothing where they are 0.
    reach: [i64; 3],
}

/// The families of a net's layers under a schedule, and the family of each layer. A member must be computed at the step of its root, so
/// that all of a new row is there before another position meets it.
pub(crate) fn families(layers: &Layers, schedule: &Schedule, pixels: PixelIds) -> (Vec<Family>, Vec<usize>) {
    let mut families: Vec<Family> = Vec::with_capacity(layers.len());
    let mut of: Vec<usize> = Vec::with_capacity(layers.len());
    for (index, layer) in layers.iter().enumerate() {
        let mut key: Vec<(Source, Tap)> = Vec::new();
        for (source, tap) in layer.reads().filter(|&(_, tap)| fits(tap, schedule.height, schedule.width)) {
            let source = match source {
                Source::Pixels => Source::Pixels,
                Source::Layer(source) => Source::Layer(families[of[source]].root),
            };
            if !key.contains(&(source, tap)) {
                key.push((source, tap));
            }
        }
        let family_here = |&(source, tap): &(Source, Tap)| match source {
            Source::Layer(root) if tap == Tap::HERE => Some(of[root]),
            _ => None,
        };
        // What another id implies at the same position says nothing more.
        let mut implied = vec![false; families.len()];
        key.iter().filter_map(family_here).flat_map(|family| &families[family].here).for_each(|&family| implied[family] = true);
        for family in (0..families.len()).rev().filter(|&family| implied[family]).collect::<Vec<_>>() {
            families[family].here.iter().for_each(|&family| implied[family] = true);
        }
        key.retain(|read| family_here(read).is_none_or(|family| !implied[family]));
        let here: Vec<usize> = key.iter().filter_map(family_here).collect();
        let adds_class = layer.start == (Start::Bias { class: true });
        let knows_class = here.iter().any(|&family| families[family].knows_class);
        let class = adds_class && !knows_class;
        let same_step = |family: usize| {
            let (layer, root) = (Source::Layer(index), Source::Layer(families[family].root));
            schedule.delay(layer) == schedule.delay(root) && schedule.is_whole(layer) == schedule.is_whole(root)
        };
        if key.len() == 1 && !class && here.first().is_some_and(|&family| same_step(family)) {
            families[here[0]].macs += layer.macs();
            of.push(here[0]);
            continue;
        }
        let [mut up, mut left, mut right] = [0; 3];
        for &(source, tap) in &key {
            let beyond = match source {
                Source::Layer(root) => families[of[root]].reach,
                Source::Pixels if pixels.lowest > OUTSIDE => [0; 3],
                Source::Pixels => continue,
            };
            let (dy, dx) = (i64::from(tap.dy), i64::from(tap.dx));
            (up, left, right) = (up.max(beyond[0] - dy), left.max(beyond[1] - dx), right.max(beyond[2] + dx));
        }
        let (mut key, others): (Vec<_>, Vec<_>) = key.into_iter().partition(|&(source, _)| source == Source::Pixels);
        key.extend(others);
        of.push(families.len());
        let macs = layer.macs();
        let knows_class = class || knows_class;
        let is_of_class = |&(source, _): &(Source, Tap)| match source {
            Source::Layer(root) => families[of[root]].of_class,
            Source::Pixels => false,
        };
        let (kept, reach, of_class) = (vec![], [up, left, right], class || key.iter().any(is_of_class));
        families.push(Family { root: index, key, class, kept, macs, here, knows_class, of_class, reach });
    }
    let mut kept = vec![false; layers.len()];
    kept[layers.len() - 1] = true;
    for (layer, source, _) in layers.reads() {
        match source {
            Source::Layer(source) if of[source] != of[layer] => kept[source] = true,
            _ => {}
        }
    }
    (0..layers.len()).filter(|&layer| kept[layer]).for_each(|layer| families[of[layer]].kept.push(layer));
    (families, of)
}

/// Each layer by itself, where nothing is shared.
pub(crate) fn alone(layers: &Layers) -> (Vec<Family>, Vec<usize>) {
    let family = |root| {
        let (key, kept, here) = (vec![], vec![], vec![]);
        Family { root, key, class: false, kept, macs: 0, here, knows_class: false, of_class: false, reach: [0; 3] }
    };
    ((0..layers.len()).map(family).collect(), (0..layers.len()).collect())
}

/// The ids of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PixelIds {
    /// That of level 0: [`OUTSIDE`] where that is zeros, else the next. Those of others follow.
    pub lowest: u32,
    /// Bits that one takes in a key.
    pub bits: u32,
}

impl PixelIds {
    pub fn of(config: &Config) -> PixelIds {
        let lowest = OUTSIDE + u32::from(config.input == Input::Nominal);
        let largest = lowest + config.levels as u32 - 1;
        PixelIds { lowest, bits: u32::BITS - largest.leading_zeros() }
    }
}

/// Words of a family's key.
fn key_words(family: &Family, bits: u32) -> u64 {
    let pixels = family.key.iter().filter(|read| read.0 == Source::Pixels).count() as u64;
    let others = family.key.len() as u64 - pixels;
    pixels.div_ceil(u64::from(u32::BITS / bits)) + others + u64::from(family.class)
}

/// The most that a table may take.
pub const MOST_BYTES: u64 = 1 << 31;

/// What one takes where nobody says.
const DEFAULT_BYTES: u64 = 16_000_000;

/// What a net's table takes where nobody says: none where rows are computed about as fast as they are looked up.
pub fn default_bytes(layers: &Layers) -> u64 {
    let is_looked_up = |layer: &&Layer| layer.reads().any(|(source, tap)| source == Source::Pixels || tap != Tap::HERE);
    let (macs, looked_up) = (layers.iter().map(Layer::macs).sum::<u64>(), layers.iter().filter(is_looked_up).count() as u64);
    if macs >= LOOK_UP_MACS * looked_up { DEFAULT_BYTES } else { 0 }
}

/// A family's part of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shelf {
    words: u64,    // of a key
    values: u64,   // of the rows that are kept
    entry: u64,    // words of an entry: its id, two depths a word, and its key
    lifetime: u64, // steps after which no position reads what was met
    macs: u64,     // that a row spares which is met
    sets: u64,
    blank: Blank,
}

impl Shelf {
    /// Words of a set.
    fn set(&self) -> u64 {
        (LINE as u64 + WAYS as u64 * self.entry).next_multiple_of(LINE as u64)
    }

    fn bytes(&self, units: Units) -> Bytes {
        units.values(&[KEPT as u64, self.values]) + Bytes::of::<u32>(&[self.set()])
    }

    /// Words of all its rows of blank images, but for their values.
    fn blank_words(&self) -> u64 {
        product(&[self.blank.count(), self.entry - self.words])
    }
}

/// How large a table is, and how it is divided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TablePlan {
    shelves: Vec<Shelf>,
    blank: u64, // values of rows of blank images
    /// Values of all rows that it can keep, which lie with all others.
    pub values: u64,
    /// All that it takes, these included.
    pub bytes: Bytes,
}

impl TablePlan {
    /// An empty table, that numbers rows from `first` on.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn table(&self, first: u32) -> Result<Table, Error> {
        let mut parts = try_room(self.shelves.len())?;
        parts.extend(self.shelves.iter().map(|shelf| Part {
            first: 0,
            sets: shelf.sets,
            set: shelf.set() as usize,
            entry: shelf.entry as usize,
            words: shelf.words as usize,
            values: shelf.values as u32,
            lifetime: u32::try_from(shelf.lifetime).unwrap_or(u32::MAX),
            macs: shelf.macs,
            met: 0,
            watch: Watch::default(),
            blank: shelf.blank,
        }));
        let all: u64 = self.shelves.iter().map(|shelf| shelf.sets * shelf.set() + shelf.blank_words()).sum();
        let (words, counts) = (try_zeroed(all as usize + LINE)?, try_zeroed(self.shelves.len())?);
        Ok(Table::new(parts, words, counts, first, self.blank as u32))
    }

    /// Of at most so many bytes; of none where that is too little. `lifetime` and `row` tell of a family how long its rows are read,
    /// in steps, and of a layer how many values a row has.
    pub fn new(
        units: Units,
        pixels: PixelIds,
        families: &[Family],
        [height, width, classes]: [usize; 3],
        bytes: u64,
        lifetime: impl Fn(usize) -> u64,
        row: impl Fn(usize) -> u64,
    ) -> TablePlan {
        let shelf = |(number, family): (usize, &Family)| {
            let (words, depths) = (key_words(family, pixels.bits), family.kept.len().div_ceil(2) as u64);
            let values = family.kept.iter().map(|&layer| row(layer)).sum();
            // Small ones do not lie across two lines.
            let entry = match 1 + words + depths {
                small if small <= LINE as u64 => small.next_power_of_two(),
                large => large,
            };
            let [up, left, right] = family.reach.map(|far| far as usize);
            let classes = if family.of_class { classes as u64 } else { 1 };
            let columns = width.min(left + right + 1);
            let (rows, between) = (height.min(up + 1), width - columns);
            let blank = Blank { classes, rows, columns, left, between, ..Blank::default() };
            Shelf { words, values, entry, lifetime: lifetime(number), macs: family.macs, sets: 0, blank }
        };
        let mut shelves: Vec<Shelf> = families.iter().enumerate().map(shelf).collect();
        // A set for each, and of what is left the more, the more multiply-adds follow: where an id is forgotten, all rows that were computed
        // from it are met no more.
        let one: u64 = shelves.iter().map(|shelf| shelf.bytes(units).0).sum();
        let after = |number: usize| families[number..].iter().map(|family| family.macs).sum::<u64>();
        let macs: u64 = (0..families.len()).map(after).sum();
        let Some(mut left) = bytes.min(MOST_BYTES).checked_sub(one) else { return TablePlan::default() };
        // Of an eighth the first families have what tells where their rows of blank images lie, and of seven eighths of what is left all have their
        // values: where these are so many, hardly anything else comes again.
        let (mut words, mut blank) = (left / 32, 0);
        for shelf in &mut shelves {
            let own = shelf.blank_words();
            if own > words {
                (words, shelf.blank) = (0, Blank::default());
            } else {
                (words, left, blank) = (words - own, left - 4 * own, blank + shelf.blank.count() * shelf.values);
            }
        }
        let blank = blank.min(left / 8 * 7 / units.value);
        left -= units.values(&[blank]).0;
        for (number, shelf) in shelves.iter_mut().enumerate() {
            // What is left has 31 bits.
            let large = (u64::BITS - macs.leading_zeros()).saturating_sub(u64::BITS - 31);
            let bytes = left * (after(number) >> large) / (macs >> large).max(1);
            shelf.sets = 1 + bytes / shelf.bytes(units).0;
        }
        let values = blank + shelves.iter().map(|shelf| shelf.sets * KEPT as u64 * shelf.values).sum::<u64>();
        let of = |shelf: &Shelf| Bytes(shelf.sets * shelf.bytes(units).0) + Bytes::of::<u32>(&[shelf.blank_words()]);
        let bytes = shelves.iter().map(of).sum::<Bytes>() + units.values(&[blank]);
        let bytes = bytes + Bytes::of::<u32>(&[LINE as u64]); // so that sets begin with a line
        TablePlan { shelves, blank, values, bytes }
    }

    /// Words of the longest key.
    pub fn words(&self) -> u64 {
        self.shelves.iter().map(|shelf| shelf.words).max().unwrap_or(0)
    }

    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.shelves.is_empty()
    }
}
