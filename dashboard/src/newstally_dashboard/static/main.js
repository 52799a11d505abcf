// What every page does beyond what it says: it keeps itself fresh, searches as one types, and
// remembers light or dark.
import { keepFresh } from "./refresh.js";
import { searchAsTyped } from "./search.js";
import { offerThemes } from "./theme.js";

offerThemes();
keepFresh();
searchAsTyped();
