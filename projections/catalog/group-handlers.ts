import type { ShopEvents } from "../../commands/events.ts";
import type { DataOf } from "../../src/engine/decider.ts";
import type { Handler, ProjectedEvent } from "../../src/engine/projection.ts";
import { known } from "../handlers.ts";
import type { CatalogDoc } from "./documents.ts";
import { type GroupDoc, type GroupKind, groupsKey } from "./groups.ts";

type Data<K extends keyof ShopEvents> = DataOf<ShopEvents, K>;

type Change<D> = (doc: GroupDoc | undefined, event: ProjectedEvent<D>) => GroupDoc;

/** An event of a category or brand: its document follows, so that who sees the mark changed finds it changed, too. */
function onGroup<D>(kind: GroupKind, idOf: (data: D) => string, change: Change<D>): Handler<CatalogDoc, D> {
  return {
    keys: () => groupsKey,
    change: (doc, { revision }) => ({
      groups: { ...(doc && "groups" in doc ? doc.groups : {}), [kind]: revision },
    }),
    follow: (_, { data }) => [`${kind}/${idOf(data)}`],
    changeFollower: (doc, event) => change(doc && "group" in doc ? doc : undefined, event),
  };
}

const onCategory = <D extends { categoryId: string }>(change: Change<D>) =>
  onGroup<D>("category", ({ categoryId }) => categoryId, change);
const onBrand = <D extends { brandId: string }>(change: Change<D>) =>
  onGroup<D>("brand", ({ brandId }) => brandId, change);

const renamed = <D extends { name: string }>(
  doc: GroupDoc | undefined,
  event: ProjectedEvent<D>,
): GroupDoc => ({
  ...known(doc, event),
  name: event.data.name,
});

const retired = (doc: GroupDoc | undefined, event: ProjectedEvent): GroupDoc => ({
  ...known(doc, event),
  retired: true,
});

export const groupHandlers = {
  CategoryCreated: onCategory<Data<"CategoryCreated">>((_, { data, revision }) => {
    const { name, parentId, knownAs } = data;
    return {
      group: "category",
      name,
      ...(parentId !== undefined && { parentId }),
      knownAs,
      since: revision,
    };
  }),
  CategoryRenamed: onCategory<Data<"CategoryRenamed">>(renamed),
  CategoryMoved: onCategory<Data<"CategoryMoved">>((doc, event) => {
    const { parentId: _, ...category } = known(doc, event);
    const { parentId } = event.data;
    return parentId === null ? category : { ...category, parentId };
  }),
  CategoryRetired: onCategory<Data<"CategoryRetired">>(retired),
  BrandCreated: onBrand<Data<"BrandCreated">>((_, { data: { name }, revision }) => ({
    group: "brand",
    name,
    knownAs: name,
    since: revision,
  })),
  BrandRenamed: onBrand<Data<"BrandRenamed">>(renamed),
  BrandRetired: onBrand<Data<"BrandRetired">>(retired),
};
