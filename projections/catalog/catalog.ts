import type { ShopEvents } from "../../commands/events.ts";
import type { DataOf } from "../../src/engine/decider.ts";
import { type Handler, type ProjectedEvent, projectionOf } from "../../src/engine/projection.ts";
import { stockHolder } from "../../src/values/sku.ts";
import { known, knownIn } from "../handlers.ts";
import {
  availableOf,
  initialPolicy,
  movementOf,
  type StockEventData,
  type StockMovementType,
} from "../stock/availability.ts";
import type { CatalogDoc, ProductDetails, ProductDoc, SkuDoc, VariantDoc } from "./documents.ts";
import { groupHandlers } from "./group-handlers.ts";
import { cameBack, cancelled, credited, type OrderedDoc, paidOrShipped, soldBy, withLines } from "./sold.ts";
import { listItemOf } from "./views.ts";

type Data<K extends keyof ShopEvents> = DataOf<ShopEvents, K>;

type AddedVariant = Data<"VariantAdded">["variant"];
type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> };

export const skuPrefix = "sku/";
const orderPrefix = "order/";
/** `claimId` of the write model: kind, dash, value. */
const skuClaimPrefix = "sku-";

const skuKey = ({ id }: { id: string }) => skuPrefix + id;
/** A SKU is claimed by the form it is known by, and its stock goes by the spelling it was first given in. */
const claimedSku = ({ id, data }: { id: string; data: unknown }) =>
  (data as Data<"Claimed">).spelling ?? id.slice(skuClaimPrefix.length);
const claimedSkuKey = (event: ProjectedEvent<Data<"Claimed">>) =>
  event.id.startsWith(skuClaimPrefix) ? skuPrefix + claimedSku(event) : [];

const orderKey = ({ id }: { id: string }) => orderPrefix + id;

function isProduct(doc: CatalogDoc): doc is ProductDoc {
  return "stock" in doc;
}

function isSku(doc: CatalogDoc): doc is SkuDoc {
  return "available" in doc;
}

function isOrder(doc: CatalogDoc): doc is OrderedDoc {
  return "ordered" in doc;
}

/**
 * What shoppers browse: products with their prices and what is left of them, and the categories and brands they are
 * of. Readers see the item of a list; the document holds the rest of the product, which `getProduct` shows. What its
 * category and brand are called now is told when it is read.
 */
export const catalogProjection = projectionOf<ShopEvents>()<CatalogDoc>({
  name: "catalog",
  version: 6,
  followed: true,
  columns: { slug: "text", group: "text" },
  indexes: [["slug"], ["group"]],
  columnsOf: (doc) => {
    if ("group" in doc) return { group: doc.group };
    return isProduct(doc) && doc.details ? { slug: doc.details.slug } : {};
  },
  present: (doc, key) => (isProduct(doc) && doc.details ? listItemOf(key, doc, doc.details) : undefined),
  on: {
    ...groupHandlers,
    // A product claims its SKUs before it gets them, one event for each: so here every SKU can lead to its
    // product and bring the stock it has, which no event of the product could do for several at once.
    Claimed: {
      keys: claimedSkuKey,
      // Stock that staff keeps without a product leads to none.
      change: (doc, { data }) =>
        data.holder === stockHolder ? skuDoc(doc) : { ...skuDoc(doc), productId: data.holder },
      follow: toProduct,
      changeFollower: changeStock,
    },
    ClaimReleased: {
      keys: claimedSkuKey,
      change: (doc, { data }) => {
        const { productId, ...availability } = skuDoc(doc);
        return productId === data.holder ? availability : doc;
      },
      follow: (_, { data }) => [data.holder],
      changeFollower: (doc, event) => withoutStock(doc, claimedSku(event)),
    },
    StockReceived: moving("StockReceived"),
    StockAdjusted: moving("StockAdjusted"),
    // ReservationCommitted and StockShipped take from two counts at once: what is available stays.
    StockCounted: moving("StockCounted"),
    StockReserved: moving("StockReserved"),
    ReservationReleased: moving("ReservationReleased"),
    ClaimShrunk: moving("ClaimShrunk"),
    ClaimGrown: moving("ClaimGrown"),
    ReservationExpired: moving("ReservationExpired"),
    StockReturned: moving("StockReturned"),
    StockRegraded: moving("StockRegraded"),
    StockMarkedDamaged: moving("StockMarkedDamaged"),
    StockWrittenOff: moving("StockWrittenOff"),
    StockPolicySet: {
      keys: skuKey,
      change: (doc, { data }) => {
        const sku = skuDoc(doc);
        sku.track = data.track;
        sku.backorders = data.backorders;
        sku.lowStockThreshold = data.lowStockThreshold;
        return sku;
      },
      follow: toProduct,
      changeFollower: changeStock,
    },
    ProductCreated: {
      keys: ({ id, data }) => [id, ...data.variants.map(({ sku }) => skuPrefix + sku)],
      change: (doc, event, key) =>
        key === event.id ? created(doc, event) : { ...skuDoc(doc), productId: event.id },
    },
    ProductDescribed: onDetails(change),
    PriceChanged: onDetails(({ variants }, { sku, price, compareAtPrice }) => {
      const variant = knownIn(variants, "sku", sku);
      variant.price = price;
      if (compareAtPrice) variant.compareAtPrice = compareAtPrice;
      else delete variant.compareAtPrice;
    }),
    VariantAdded: {
      keys: ({ id, data }) => [id, skuPrefix + data.variant.sku],
      change: (doc, event, key) =>
        key === event.id ? withVariant(doc, event) : { ...skuDoc(doc), productId: event.id },
    },
    VariantChanged: onDetails(({ variants }, { sku, ...changes }) => {
      change(knownIn(variants, "sku", sku), changes);
    }),
    VariantRetired: onDetails(({ variants }, { sku }) => {
      knownIn(variants, "sku", sku).retired = true;
    }),
    ProductPublished: onDetails((details) => {
      details.status = "published";
      details.publishedAt ??= details.updatedAt;
      delete details.publishAt;
    }),
    ProductArchived: onDetails((details) => {
      details.status = "archived";
      delete details.publishAt;
    }),
    OrderPlaced: {
      keys: orderKey,
      change: (_, { position, data }) =>
        withLines({ ordered: [], uncounted: [], changes: {} }, position, data.lines),
    },
    OrderEdited: selling((order, { position, data }) => withLines(order, position, data.lines)),
    OrderPaid: selling((order, { position }) => paidOrShipped(order, position)),
    ShipmentDispatched: selling((order, { position }) => paidOrShipped(order, position)),
    OrderCredited: crediting(1),
    CreditWithdrawn: crediting(-1),
    LinesCancelled: selling(
      (order) => Object.assign(order, { over: true }),
      ({ complete }) => complete,
    ),
    OrderCancelled: selling((order, { position }) => cancelled(order, position)),
    // What is received by parts is credited, if at all, by an event of its own.
    ReturnReceived: selling(
      (order, { position, data }) => cameBack(order, position, data),
      ({ receiptId }) => receiptId === undefined,
    ),
  },
});

/** An event of an order that changes how much of its products is sold. */
function selling<D>(
  change: (order: OrderedDoc, event: ProjectedEvent<D>) => OrderedDoc,
  touches: (data: D) => boolean = () => true,
): Handler<CatalogDoc, D> {
  return {
    keys: (event) => (touches(event.data) ? orderKey(event) : []),
    change: (doc, event) => (doc && isOrder(doc) ? change(doc, event) : doc),
    follow: (doc, { position }) => (doc && isOrder(doc) ? [...soldBy(doc, position).keys()] : []),
    changeFollower: (doc, { position }, key, order) => {
      // An order may hold what is in no catalog.
      if (doc && isProduct(doc) && order && isOrder(order)) doc.sold += soldBy(order, position).get(key) ?? 0;
      return doc;
    },
  };
}

/** @param sign 1 takes it off what is sold, -1 adds it again */
function crediting(sign: 1 | -1) {
  return selling<Pick<Data<"CreditWithdrawn">, "lines">>(
    (order, { position, data }) => credited(order, position, data, sign),
    ({ lines }) => lines.length > 0,
  );
}

function moving<K extends StockMovementType>(type: K): Handler<CatalogDoc, StockEventData<K>> {
  const movement = movementOf(type);
  return {
    keys: skuKey,
    change: (doc, { data }) => {
      const sku = skuDoc(doc);
      sku.available += availableOf(movement(data));
      return sku;
    },
    follow: (doc, event) => (availableOf(movement(event.data)) === 0 ? [] : toProduct(doc)),
    changeFollower: changeStock,
  };
}

function toProduct(doc: CatalogDoc | undefined): readonly string[] {
  const productId = doc && isSku(doc) ? doc.productId : undefined;
  return productId === undefined ? [] : [productId];
}

function skuDoc(doc: CatalogDoc | undefined): SkuDoc {
  if (doc === undefined) return { available: 0, ...initialPolicy };
  if (!isSku(doc)) throw new Error("something else stands where a SKU should");
  return doc;
}

/** A SKU's availability as its product shows it. `origin` is the SKU's document after the event. */
function changeStock(
  doc: CatalogDoc | undefined,
  event: ProjectedEvent,
  _: string,
  origin: CatalogDoc | undefined,
): ProductDoc {
  const sku = event.type === "Claimed" ? claimedSku(event) : event.id;
  const { available, track, backorders, lowStockThreshold } = skuDoc(origin);
  const product = productDoc(doc);
  const stock = { sku, available, track, backorders, lowStockThreshold };
  const index = product.stock.findIndex((each) => each.sku === sku);
  if (index < 0) product.stock.push(stock);
  else product.stock[index] = stock;
  return product;
}

/** What was claimed for a product that did not come to be leaves nothing behind. */
function withoutStock(doc: CatalogDoc | undefined, sku: string): ProductDoc | undefined {
  const product = productDoc(doc);
  product.stock = product.stock.filter((each) => each.sku !== sku);
  return product.details || product.stock.length > 0 ? product : undefined;
}

function productDoc(doc: CatalogDoc | undefined): ProductDoc {
  if (doc === undefined) return { stock: [], sold: 0 };
  if (!isProduct(doc)) throw new Error("something else stands where a product should");
  return doc;
}

function created(
  doc: CatalogDoc | undefined,
  { data, time, revision }: ProjectedEvent<Data<"ProductCreated">>,
) {
  const { variants, ...fields } = data;
  const product = productDoc(doc);
  product.details = {
    revision,
    status: "draft",
    ...given(fields),
    variants: variants.map(variantDoc),
    createdAt: time,
    updatedAt: time,
  };
  return product;
}

function variantDoc({ sku, name, price, compareAtPrice, attributes, ...more }: AddedVariant): VariantDoc {
  const variant = { sku, ...(name !== undefined && { name }), price, attributes };
  return { ...variant, ...given({ compareAtPrice, ...more }) };
}

function withVariant(doc: CatalogDoc | undefined, event: ProjectedEvent<Data<"VariantAdded">>): ProductDoc {
  const { variants } = detailsOf(doc, event);
  const variant = variantDoc(event.data.variant);
  // A SKU that was retired comes back in its old place.
  const index = variants.findIndex(({ sku }) => sku === variant.sku);
  if (index < 0) variants.push(variant);
  else variants[index] = variant;
  return productDoc(doc);
}

function onDetails<D>(change: (details: ProductDetails, data: D) => void): Handler<CatalogDoc, D> {
  return {
    keys: ({ id }) => id,
    change: (doc, event) => {
      change(detailsOf(doc, event), event.data);
      return doc;
    },
  };
}

function detailsOf(doc: CatalogDoc | undefined, event: ProjectedEvent): ProductDetails {
  const details = known(productDoc(doc).details, event);
  details.updatedAt = event.time;
  details.revision = event.revision;
  return details;
}

/** A document holds no `undefined`. */
function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
}

/** What is left out stays, `null` clears. */
function change(doc: object, changes: object): void {
  const fields = doc as Record<string, unknown>;
  for (const [field, value] of Object.entries(changes)) {
    if (value === null) delete fields[field];
    else if (value !== undefined) fields[field] = value;
  }
}
