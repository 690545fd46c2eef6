//! Figures to text. Everything here returns what is to be shown; nothing prints.

pub mod ci;
mod calibration;
mod comparison;
mod connections;
mod costs;
mod example;
mod gate;
pub mod html;
mod needed;
mod overhead;
mod plan;
mod reconcile;
mod reference;
mod selftest;
mod table;
pub mod telemetry;
mod text;
mod told;

pub use calibration::calibration;
pub use comparison::comparison;
pub use example::{Example, examples};
pub use gate::gate;
pub use needed::{Needed, needed};
pub use overhead::overhead;
pub use plan::{plan, plan_in_brief};
pub use reconcile::reconciled;
pub use reference::reference;
pub use selftest::selftest;
pub use text::{Paint, run};
