//! What the parts of a record are called: an arm's recipe is the smallest of them.

/// The names of a run's arms and recipes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The arms; at least one.
    pub arms: Vec<String>,
    /// The recipes of the mix; at least one.
    pub recipes: Vec<String>,
}

impl Names {
    /// Whether there is something to compare.
    pub const fn has_arms(&self) -> bool {
        self.arms.len() > 1
    }

    /// Each recipe of each arm, in the order of a record's groups: `RECIPE`, or `ARM/RECIPE` where there
    /// are several arms.
    pub fn groups(&self) -> Vec<String> {
        let group = |arm: &String, recipe: &String| {
            if self.has_arms() {
                format!("{arm}/{recipe}")
            } else {
                recipe.clone()
            }
        };
        let of_arm = |arm| self.recipes.iter().map(move |recipe| group(arm, recipe));
        self.arms.iter().flat_map(of_arm).collect()
    }
}
