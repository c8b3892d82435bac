// Made from the server's OpenAPI document by client/generate.ts: not to be changed by hand.
export interface Operations {
  /** How far each read model is, and what came of its last rebuild */
  "GET /v1/ops/projections": {
    path: never;
    query: never;
    body: never;
    answer: Schemas["Projections"];
  };
  /** Build a read model anew beside the live one, compare them and switch over */
  "POST /v1/ops/projections/{name}/rebuild": {
    path: {
      name: string;
    };
    query: never;
    body: Record<string, never> | undefined;
    answer: Schemas["Rebuild"];
  };
  /** Stop a rebuild that is under way: the live read model stays as it is */
  "DELETE /v1/ops/projections/{name}/rebuild": {
    path: {
      name: string;
    };
    query: never;
    body: never;
    answer: Schemas["StoppingRebuild"];
  };
  /** Go back to the read model as it was built before, brought up to date */
  "POST /v1/ops/projections/{name}/rollback": {
    path: {
      name: string;
    };
    query: never;
    body: Record<string, never> | undefined;
    answer: Schemas["RolledBack"];
  };
  /** Documents whose event could not be applied, in the order they were parked */
  "GET /v1/ops/projections/{name}/parked": {
    path: {
      name: string;
    };
    query: {
      limit?: string | number | undefined;
      cursor?: string | number | undefined;
    };
    body: never;
    answer: Schemas["ParkedDocuments"];
  };
  /** Apply a parked document's events again */
  "POST /v1/ops/projections/{name}/parked/retry": {
    path: {
      name: string;
    };
    query: never;
    body: {
      key: string;
    };
    answer: Schemas["UnparkedDocument"];
  };
  /** Go on with a parked document without the event that failed */
  "POST /v1/ops/projections/{name}/parked/skip": {
    path: {
      name: string;
    };
    query: never;
    body: {
      key: string;
    };
    answer: Schemas["UnparkedDocument"];
  };
  /** A stream's events, oldest first; with `at`, also the state that they had led to by then */
  "GET /v1/ops/streams/{stream}": {
    path: {
      stream: string;
    };
    query: {
      at?: string | undefined;
      limit?: string | number | undefined;
      cursor?: string | number | undefined;
    };
    body: never;
    answer: Schemas["Stream"];
  };
  /** What is still to be done: of one kind, or without it what has failed, the worst first */
  "GET /v1/ops/tasks": {
    path: never;
    query: {
      kind?: "checkout" | "payment" | "order" | "webhook" | "cart" | "publication" | "import" | "stock" | "refund" | "approval" | "capture" | undefined;
      limit?: string | number | undefined;
      cursor?: string | number | undefined;
    };
    body: never;
    answer: Schemas["Tasks"];
  };
  /** Do a task now, whatever it waits for */
  "POST /v1/ops/tasks/{kind}/{id}/retry": {
    path: {
      kind: "checkout" | "payment" | "order" | "webhook" | "cart" | "publication" | "import" | "stock";
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["RetriedTask"];
  };
  /** End a task by hand that cannot be done; answers what has still to be looked after */
  "POST /v1/ops/tasks/{kind}/{id}/settle": {
    path: {
      kind: "checkout" | "payment" | "order" | "webhook" | "cart" | "publication" | "import" | "stock";
      id: string;
    };
    query: never;
    body: {
      as: "done" | "failed";
      reason: string;
    };
    answer: Schemas["SettledTask"];
  };
  /** The last messages that were sent, newest first; only where they go nowhere */
  "GET /v1/ops/mails": {
    path: never;
    query: never;
    body: never;
    answer: {
      items: ({
        id: string;
        to: string;
        subject: string;
        text: string;
        sentAt: string;
      })[];
    };
  };
  /** Whether the process runs */
  "GET /health/live": {
    path: never;
    query: never;
    body: never;
    answer: Schemas["Alive"];
  };
  /** Whether commands can be taken, and what does not work besides */
  "GET /health/ready": {
    path: never;
    query: never;
    body: never;
    answer: Schemas["Ready"];
  };
  /** All keys, newest first */
  "GET /v1/api-keys": {
    path: never;
    query: never;
    body: never;
    answer: {
      items: (Schemas["ApiKey"])[];
    };
  };
  /** Make a key: it may do what it is given, and no more than its maker */
  "POST /v1/api-keys": {
    path: never;
    query: never;
    body: {
      /** Whose it is, or what for */
      name: string;
      scopes: ("products" | "stock" | "orders" | "ship" | "care" | "refund" | "customers" | "privacy" | "analytics" | "admin")[];
      days?: number | undefined;
    };
    answer: Schemas["ApiKey"];
  };
  /** One key */
  "GET /v1/api-keys/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["ApiKey"];
  };
  /** End a key, at once and for good */
  "DELETE /v1/api-keys/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["ApiKey"];
  };
  /** Make a key's secret anew; the one before is good for a while */
  "POST /v1/api-keys/{id}/rotate": {
    path: {
      id: string;
    };
    query: never;
    body: {
      /** As long as it was to live before, where they are left out */
      days?: number | undefined;
      /** How long the secret before is good besides */
      overlapHours?: number | undefined;
    } | undefined;
    answer: Schemas["ApiKey"];
  };
  /** List products, filtered, searched and counted by facets */
  "GET /v1/products": {
    path: never;
    query: {
      category?: string | (string)[] | undefined;
      brand?: string | (string)[] | undefined;
      tag?: string | (string)[] | undefined;
      minPrice?: string | number | undefined;
      maxPrice?: string | number | undefined;
      inStock?: "true" | "false" | boolean | undefined;
      featured?: "true" | "false" | boolean | undefined;
      q?: string | number | undefined;
      sort?: "price" | "-price" | "newest" | "best-selling" | "rating" | undefined;
      facets?: string | number | undefined;
      limit?: string | number | undefined;
      cursor?: string | number | undefined;
      status?: string | number | undefined;
      ids?: string | (string)[] | undefined;
      skus?: string | (string)[] | undefined;
    };
    body: never;
    answer: Schemas["ProductList"] | Schemas["GuestProductList"];
  };
  /** Create a product */
  "POST /v1/products": {
    path: never;
    query: never;
    body: {
      name: string;
      slug?: string | undefined;
      shortDescription?: string | undefined;
      description?: string | undefined;
      brand?: string | undefined;
      brandId?: string | undefined;
      category?: string | undefined;
      categoryId?: string | undefined;
      tags?: (string)[] | undefined;
      images?: (string | {
        url: string;
        alt?: string | undefined;
        primary?: boolean | undefined;
      })[] | undefined;
      seo?: {
        title?: string | undefined;
        description?: string | undefined;
      } | undefined;
      specifications?: ({
        name: string;
        value: string;
      })[] | undefined;
      relatedProducts?: (string)[] | undefined;
      featured?: boolean | undefined;
      publishAt?: string | undefined;
      variants: ({
        sku: string;
        name?: string | undefined;
        price: {
          amount: number;
          currency: string;
        };
        compareAtPrice?: {
          amount: number;
          currency: string;
        } | undefined;
        attributes?: Record<string, string> | undefined;
        barcode?: string | undefined;
        weightGrams?: number | undefined;
      })[];
    };
    answer: Schemas["ProductSummary"];
  };
  /** One product, by its id or its slug; drafts and archived ones for staff */
  "GET /v1/products/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["Product"] | Schemas["GuestProduct"];
  };
  /** Change what describes a product */
  "PATCH /v1/products/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: {
      name?: string | undefined;
      slug?: string | undefined;
      shortDescription?: string | null | undefined;
      description?: string | null | undefined;
      brand?: string | null | undefined;
      brandId?: string | null | undefined;
      category?: string | null | undefined;
      categoryId?: string | null | undefined;
      tags?: (string)[] | undefined;
      images?: (string | {
        url: string;
        alt?: string | undefined;
        primary?: boolean | undefined;
      })[] | undefined;
      seo?: {
        title?: string | undefined;
        description?: string | undefined;
      } | null | undefined;
      specifications?: ({
        name: string;
        value: string;
      })[] | null | undefined;
      relatedProducts?: (string)[] | null | undefined;
      featured?: boolean | undefined;
      publishAt?: string | null | undefined;
    };
    answer: Schemas["ProductSummary"];
  };
  /** Add a variant */
  "POST /v1/products/{id}/variants": {
    path: {
      id: string;
    };
    query: never;
    body: {
      sku: string;
      name?: string | undefined;
      price: {
        amount: number;
        currency: string;
      };
      compareAtPrice?: {
        amount: number;
        currency: string;
      } | undefined;
      attributes?: Record<string, string> | undefined;
      barcode?: string | undefined;
      weightGrams?: number | undefined;
    };
    answer: Schemas["ProductSummary"];
  };
  /** Change a variant */
  "PATCH /v1/products/{id}/variants/{sku}": {
    path: {
      id: string;
      sku: string;
    };
    query: never;
    body: {
      name?: string | null | undefined;
      attributes?: Record<string, string> | undefined;
      barcode?: string | null | undefined;
      weightGrams?: number | null | undefined;
    };
    answer: Schemas["ProductSummary"];
  };
  /** Retire a variant: it is not for sale any more */
  "DELETE /v1/products/{id}/variants/{sku}": {
    path: {
      id: string;
      sku: string;
    };
    query: never;
    body: never;
    answer: Schemas["ProductSummary"];
  };
  /** Set a price */
  "PUT /v1/products/{id}/variants/{sku}/price": {
    path: {
      id: string;
      sku: string;
    };
    query: never;
    body: {
      price: {
        amount: number;
        currency: string;
      };
      compareAtPrice?: {
        amount: number;
        currency: string;
      } | null | undefined;
    };
    answer: Schemas["ProductSummary"];
  };
  /** Publish a product */
  "POST /v1/products/{id}/publish": {
    path: {
      id: string;
    };
    query: never;
    body: Record<string, never> | undefined;
    answer: Schemas["ProductSummary"];
  };
  /** Archive a product */
  "POST /v1/products/{id}/archive": {
    path: {
      id: string;
    };
    query: never;
    body: Record<string, never> | undefined;
    answer: Schemas["ProductSummary"];
  };
  /** All categories, each before those below it; to others than staff those with published products */
  "GET /v1/categories": {
    path: never;
    query: never;
    body: never;
    answer: Schemas["Categories"];
  };
  /** Create a category */
  "POST /v1/categories": {
    path: never;
    query: never;
    body: {
      name: string;
      parentId?: string | undefined;
    };
    answer: Schemas["CategorySummary"];
  };
  /** One category */
  "GET /v1/categories/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["Category"];
  };
  /** Rename a category, or move it with all that is below it */
  "PATCH /v1/categories/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: {
      name?: string | undefined;
      parentId?: string | null | undefined;
    };
    answer: Schemas["CategorySummary"];
  };
  /** Retire a category that has none below it: its products are in what it was in */
  "DELETE /v1/categories/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["CategorySummary"];
  };
  /** All brands, by name; to others than staff those with published products */
  "GET /v1/brands": {
    path: never;
    query: never;
    body: never;
    answer: Schemas["Brands"];
  };
  /** Create a brand */
  "POST /v1/brands": {
    path: never;
    query: never;
    body: {
      name: string;
    };
    answer: Schemas["BrandSummary"];
  };
  /** One brand */
  "GET /v1/brands/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["Brand"];
  };
  /** Rename a brand */
  "PATCH /v1/brands/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: {
      name: string;
    };
    answer: Schemas["BrandSummary"];
  };
  /** Retire a brand: its products have none any more */
  "DELETE /v1/brands/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["BrandSummary"];
  };
  /** Receive stock */
  "POST /v1/stock/{sku}/receipts": {
    path: {
      sku: string;
    };
    query: never;
    body: {
      quantity: number;
      reference?: string | undefined;
    };
    answer: Schemas["Stock"];
  };
  /** Correct stock */
  "POST /v1/stock/{sku}/adjustments": {
    path: {
      sku: string;
    };
    query: never;
    body: {
      delta: number;
      reason: string;
    };
    answer: Schemas["ChangedStock"];
  };
  /** Say how many pieces were counted */
  "POST /v1/stock/{sku}/counts": {
    path: {
      sku: string;
    };
    query: never;
    body: {
      /** All pieces in the house, in whatever condition */
      counted: number;
      reason?: string | undefined;
    };
    answer: Schemas["ChangedStock"];
  };
  /** Move pieces between conditions, or out of the house */
  "POST /v1/stock/{sku}/moves": {
    path: {
      sku: string;
    };
    query: never;
    body: {
      from: "sellable" | "damaged" | "quarantine";
      to: "sellable" | "damaged" | "quarantine" | "out";
      quantity: number;
      reason: string;
    };
    answer: Schemas["ChangedStock"];
  };
  /** Set how a SKU is stocked */
  "PUT /v1/stock/{sku}/policy": {
    path: {
      sku: string;
    };
    query: never;
    body: {
      track?: boolean | undefined;
      backorders?: boolean | undefined;
      lowStockThreshold?: number | undefined;
      /** Of a SKU that is tracked from now on: all pieces in the house */
      counted?: number | undefined;
    };
    answer: Schemas["ChangedStock"];
  };
  /** Ask for a link to register */
  "POST /v1/auth/register": {
    path: never;
    query: never;
    body: {
      email: string;
    };
    answer: Schemas["Accepted"];
  };
  /** Make the account that a link is for, and log in */
  "POST /v1/auth/register/confirm": {
    path: never;
    query: never;
    body: {
      /** Of the link in the message, behind `token=` */
      token: string;
      password: string;
      profile?: {
        firstName?: string | undefined;
        lastName?: string | undefined;
        phone?: string | undefined;
        gender?: "female" | "male" | "other" | "undisclosed" | undefined;
        birthDate?: string | undefined;
        avatar?: string | undefined;
      } | undefined;
      preferences?: {
        language?: string | undefined;
        currency?: string | undefined;
        categories?: (string)[] | undefined;
        brands?: (string)[] | undefined;
        priceRange?: {
          min?: number | undefined;
          max?: number | undefined;
        } | undefined;
        notifications?: Record<string, boolean> | undefined;
      } | undefined;
      consents?: ({
        purpose: "newsletter" | "profiling" | "third_party" | "sms" | "terms" | "privacy";
        basis?: "consent" | "contract" | "legitimate_interest" | undefined;
        /** Of what the customer has read */
        textVersion: string;
      })[] | undefined;
    };
    answer: Schemas["Tokens"];
  };
  /** Log in */
  "POST /v1/auth/login": {
    path: never;
    query: never;
    body: {
      email: string;
      password: string;
      totp?: string | undefined;
      recoveryCode?: string | undefined;
      /** Of a guest, whose Cart-Token comes along: it becomes the customer's */
      cartId?: string | undefined;
    };
    answer: Schemas["LoggedIn"];
  };
  /** Exchange a refresh token for the next tokens */
  "POST /v1/auth/refresh": {
    path: never;
    query: never;
    body: {
      refreshToken: string;
    };
    answer: Schemas["Tokens"];
  };
  /** End this session, or all of them */
  "POST /v1/auth/logout": {
    path: never;
    query: never;
    body: {
      all?: boolean | undefined;
    } | undefined;
    answer: undefined;
  };
  /** Ask for a link to set a new password */
  "POST /v1/auth/password/forgot": {
    path: never;
    query: never;
    body: {
      email: string;
    };
    answer: Schemas["Accepted"];
  };
  /** Set the new password that a link is for; all sessions end */
  "POST /v1/auth/password/reset": {
    path: never;
    query: never;
    body: {
      /** Of the link in the message, behind `token=` */
      token: string;
      password: string;
      totp?: string | undefined;
      recoveryCode?: string | undefined;
    };
    answer: undefined;
  };
  /** Use the new e-mail address that a link is for */
  "POST /v1/auth/email/confirm": {
    path: never;
    query: never;
    body: {
      /** Of the link in the message, behind `token=` */
      token: string;
    };
    answer: undefined;
  };
  /** Who you are */
  "GET /v1/me": {
    path: never;
    query: never;
    body: never;
    answer: Schemas["Customer"];
  };
  /** Change your profile and preferences */
  "PATCH /v1/me": {
    path: never;
    query: never;
    body: {
      firstName?: string | null | undefined;
      lastName?: string | null | undefined;
      phone?: string | null | undefined;
      gender?: "female" | "male" | "other" | "undisclosed" | null | undefined;
      birthDate?: string | null | undefined;
      avatar?: string | null | undefined;
      language?: string | null | undefined;
      currency?: string | null | undefined;
      categories?: (string)[] | null | undefined;
      brands?: (string)[] | null | undefined;
      priceRange?: {
        min?: number | undefined;
        max?: number | undefined;
      } | null | undefined;
      notifications?: Record<string, boolean> | null | undefined;
    };
    answer: Schemas["Customer"];
  };
  /** Close your account; a login within 30 days opens it again */
  "DELETE /v1/me": {
    path: never;
    query: never;
    body: never;
    answer: undefined;
  };
  /** What you have agreed to, and taken back */
  "GET /v1/me/consents": {
    path: never;
    query: never;
    body: never;
    answer: {
      /** All that was ever said, newest first */
      items: ({
        purpose: "newsletter" | "profiling" | "third_party" | "sms" | "terms" | "privacy";
        basis: "consent" | "contract" | "legitimate_interest";
        textVersion: string;
        granted: boolean;
        at: string;
      })[];
    };
  };
  /** Agree to something, or take that back */
  "PUT /v1/me/consents/{purpose}": {
    path: {
      purpose: "newsletter" | "profiling" | "third_party" | "sms" | "terms" | "privacy";
    };
    query: never;
    body: {
      granted: boolean;
      basis?: "consent" | "contract" | "legitimate_interest" | undefined;
      /** Of what the customer has read */
      textVersion: string;
    };
    answer: {
      /** All that was ever said, newest first */
      items: ({
        purpose: "newsletter" | "profiling" | "third_party" | "sms" | "terms" | "privacy";
        basis: "consent" | "contract" | "legitimate_interest";
        textVersion: string;
        granted: boolean;
        at: string;
      })[];
    };
  };
  /** Your addresses, in the order you added them */
  "GET /v1/me/addresses": {
    path: never;
    query: never;
    body: never;
    answer: {
      items: (Schemas["CustomerAddress"])[];
    };
  };
  /** Keep an address */
  "POST /v1/me/addresses": {
    path: never;
    query: never;
    body: {
      label?: "home" | "work" | "other" | undefined;
      usage?: "shipping" | "billing" | "both" | undefined;
      fullName: string;
      addressLine1: string;
      addressLine2?: string | undefined;
      city: string;
      state?: string | undefined;
      postalCode?: string | undefined;
      country: string;
      phone?: string | undefined;
      coordinates?: {
        latitude: number;
        longitude: number;
      } | undefined;
    };
    answer: Schemas["CustomerAddress"];
  };
  /** Change an address */
  "PUT /v1/me/addresses/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: {
      label?: "home" | "work" | "other" | undefined;
      usage?: "shipping" | "billing" | "both" | undefined;
      fullName: string;
      addressLine1: string;
      addressLine2?: string | undefined;
      city: string;
      state?: string | undefined;
      postalCode?: string | undefined;
      country: string;
      phone?: string | undefined;
      coordinates?: {
        latitude: number;
        longitude: number;
      } | undefined;
    };
    answer: Schemas["CustomerAddress"];
  };
  /** Forget an address */
  "DELETE /v1/me/addresses/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: {
      items: (Schemas["CustomerAddress"])[];
    };
  };
  /** Which addresses are taken where none is said */
  "PUT /v1/me/addresses/defaults": {
    path: never;
    query: never;
    body: {
      shipping?: string | undefined;
      billing?: string | undefined;
    };
    answer: {
      items: (Schemas["CustomerAddress"])[];
    };
  };
  /** Your cart, as of now */
  "GET /v1/me/cart": {
    path: never;
    query: never;
    body: never;
    answer: Schemas["Cart"] | Schemas["GuestCart"];
  };
  /** Take over the cart of the guest that you were, whose Cart-Token comes along */
  "POST /v1/me/cart/merge": {
    path: never;
    query: never;
    body: {
      cartId: string;
    };
    answer: Schemas["MergedCart"];
  };
  /** Change your password; other sessions end */
  "PUT /v1/me/password": {
    path: never;
    query: never;
    body: {
      current: string;
      new: string;
    };
    answer: undefined;
  };
  /** Ask for a link to use another e-mail address */
  "POST /v1/me/email": {
    path: never;
    query: never;
    body: {
      email: string;
      password: string;
    };
    answer: Schemas["Accepted"];
  };
  /** Begin two-factor authentication: a secret for your authenticator */
  "POST /v1/me/totp": {
    path: never;
    query: never;
    body: Record<string, never> | undefined;
    answer: Schemas["TotpSecret"];
  };
  /** Turn two-factor authentication off */
  "DELETE /v1/me/totp": {
    path: never;
    query: never;
    body: never;
    answer: undefined;
  };
  /** Turn it on, with the authenticator's first code */
  "POST /v1/me/totp/confirm": {
    path: never;
    query: never;
    body: {
      code: string;
    };
    answer: Schemas["RecoveryCodes"];
  };
  /** Where you are logged in */
  "GET /v1/me/sessions": {
    path: never;
    query: never;
    body: never;
    answer: {
      items: ({
        id: string;
        startedAt: string;
        seenAt: string;
        current: boolean;
      })[];
    };
  };
  /** End a session */
  "DELETE /v1/me/sessions/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: undefined;
  };
  /** Suspend a customer: sessions end, and no login begins another */
  "POST /v1/customers/{id}/suspend": {
    path: {
      id: string;
    };
    query: never;
    body: {
      reason: string;
    };
    answer: Schemas["Customer"];
  };
  /** Let a customer in again */
  "POST /v1/customers/{id}/reactivate": {
    path: {
      id: string;
    };
    query: never;
    body: Record<string, never> | undefined;
    answer: Schemas["Customer"];
  };
  /** Open a cart, or as staff a draft; a customer has one, which is answered */
  "POST /v1/carts": {
    path: never;
    query: never;
    body: {
      currency?: string | undefined;
      /** Staff only: for a customer, and without an end */
      draft?: boolean | undefined;
    } | undefined;
    answer: Schemas["Cart"] | Schemas["GuestCart"];
  };
  /** Add an item, or several: all or none */
  "POST /v1/carts/{id}/items": {
    path: {
      id: string;
    };
    query: never;
    body: {
      sku: string;
      quantity: number;
      /** Staff only: the price of this line, whatever the product costs */
      unitPrice?: {
        amount: number;
        currency: string;
      } | undefined;
    } | {
      items: ({
        sku: string;
        quantity: number;
        /** Staff only: the price of this line, whatever the product costs */
        unitPrice?: {
          amount: number;
          currency: string;
        } | undefined;
      })[];
    };
    answer: Schemas["Cart"] | Schemas["GuestCart"];
  };
  /** Change an item's quantity, by its line or its SKU */
  "PATCH /v1/carts/{id}/items/{line}": {
    path: {
      id: string;
      line: string;
    };
    query: never;
    body: {
      quantity: number;
    };
    answer: Schemas["Cart"] | Schemas["GuestCart"];
  };
  /** Remove an item, by its line, or all of a SKU */
  "DELETE /v1/carts/{id}/items/{line}": {
    path: {
      id: string;
      line: string;
    };
    query: never;
    body: never;
    answer: Schemas["Cart"] | Schemas["GuestCart"];
  };
  /** A cart as of now, with what it would cost */
  "GET /v1/carts/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["Cart"] | Schemas["GuestCart"];
  };
  /** Keep an e-mail address, addresses and a shipping method with the cart */
  "PATCH /v1/carts/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: {
      email?: string | null | undefined;
      shippingAddress?: {
        fullName: string;
        addressLine1: string;
        addressLine2?: string | undefined;
        city: string;
        state?: string | undefined;
        postalCode?: string | undefined;
        country: string;
        phone?: string | undefined;
      } | null | undefined;
      billingAddress?: {
        fullName: string;
        addressLine1: string;
        addressLine2?: string | undefined;
        city: string;
        state?: string | undefined;
        postalCode?: string | undefined;
        country: string;
        phone?: string | undefined;
      } | null | undefined;
      shippingMethod?: "standard" | "express" | "overnight" | null | undefined;
    };
    answer: Schemas["Cart"] | Schemas["GuestCart"];
  };
  /** Abandon a cart */
  "DELETE /v1/carts/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["Cart"] | Schemas["GuestCart"];
  };
  /** What the cart would cost as of now, for its customer to agree to */
  "POST /v1/carts/{id}/quote": {
    path: {
      id: string;
    };
    query: never;
    body: {
      shippingAddress?: {
        country: string;
        state?: string | undefined;
        postalCode?: string | undefined;
      } | undefined;
      shippingMethod?: "standard" | "express" | "overnight" | undefined;
    } | undefined;
    answer: Schemas["Quote"];
  };
  /** Check out: reserve, pay, order */
  "POST /v1/carts/{id}/checkout": {
    path: {
      id: string;
    };
    query: never;
    body: {
      email?: string | undefined;
      shippingAddress?: {
        fullName: string;
        addressLine1: string;
        addressLine2?: string | undefined;
        city: string;
        state?: string | undefined;
        postalCode?: string | undefined;
        country: string;
        phone?: string | undefined;
      } | undefined;
      billingAddress?: {
        fullName: string;
        addressLine1: string;
        addressLine2?: string | undefined;
        city: string;
        state?: string | undefined;
        postalCode?: string | undefined;
        country: string;
        phone?: string | undefined;
      } | undefined;
      shippingMethod?: "standard" | "express" | "overnight" | undefined;
      payment: {
        method: "credit_card" | "debit_card" | "paypal" | "bank_transfer" | "cod";
        token?: string | undefined;
      };
      /** What the customer has agreed to: all of a quote, or what it comes to */
      quoteHash?: string | undefined;
      acceptedTotal?: {
        amount: number;
        currency: string;
      } | undefined;
    };
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Cancel an order */
  "POST /v1/orders/{id}/cancel": {
    path: {
      id: string;
    };
    query: never;
    body: {
      reason?: string | undefined;
      /** All that has not been sent when they are left out */
      lines?: ({
        lineId: number;
        quantity: number;
      } | {
        sku: string;
        quantity: number;
      })[] | undefined;
      /** The shop keeps the money */
      credit?: "none" | undefined;
    } | undefined;
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Ship an order or a part of it */
  "POST /v1/orders/{id}/shipments": {
    path: {
      id: string;
    };
    query: never;
    body: {
      lines?: ({
        lineId: number;
        quantity: number;
      } | {
        sku: string;
        quantity: number;
      })[] | undefined;
      carrier?: string | undefined;
      trackingNumber?: string | undefined;
    } | undefined;
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Record that shipments arrived */
  "POST /v1/orders/{id}/deliveries": {
    path: {
      id: string;
    };
    query: never;
    body: {
      /** All that are under way when it is left out */
      shipmentId?: string | undefined;
      lines?: ({
        lineId: number;
        quantity: number;
      } | {
        sku: string;
        quantity: number;
      })[] | undefined;
      /** What the carrier has taken, where it is not what it had to */
      cash?: {
        amount: number;
        currency: string;
      } | undefined;
    } | undefined;
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Add a note */
  "POST /v1/orders/{id}/notes": {
    path: {
      id: string;
    };
    query: never;
    body: {
      text: string;
      /** Who may read it beside staff */
      visibility?: "staff" | "customer" | undefined;
    };
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Record that a shipment came to nothing */
  "POST /v1/orders/{id}/shipments/{shipmentId}/failures": {
    path: {
      id: string;
      shipmentId: string;
    };
    query: never;
    body: {
      outcome: "refused" | "undeliverable" | "lost";
      /** All that is under way of it when they are left out */
      lines?: ({
        lineId: number;
        quantity: number;
      } | {
        sku: string;
        quantity: number;
      })[] | undefined;
    };
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Take back what came to nothing, inspected */
  "POST /v1/orders/{id}/shipments/{shipmentId}/returns": {
    path: {
      id: string;
      shipmentId: string;
    };
    query: never;
    body: {
      lines: ({
        lineId: number;
        sellable: number;
        damaged?: number | undefined;
      } | {
        sku: string;
        sellable: number;
        damaged?: number | undefined;
      })[];
    };
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Send once more what came to nothing */
  "POST /v1/orders/{id}/reshipments": {
    path: {
      id: string;
    };
    query: never;
    body: {
      lines: ({
        lineId: number;
        quantity: number;
      } | {
        sku: string;
        quantity: number;
      })[];
    };
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Register a return; with `sellable`, one that is here and inspected */
  "POST /v1/orders/{id}/returns": {
    path: {
      id: string;
    };
    query: never;
    body: {
      lines: ({
        lineId: number;
        quantity: number;
        reason?: "changed_mind" | "wrong_size" | "not_as_described" | "damaged" | "wrong_item" | "late" | "other" | undefined;
        /** Given when the goods are here and inspected already: the rest of the quantity is damaged */
        sellable?: number | undefined;
      } | {
        sku: string;
        quantity: number;
        reason?: "changed_mind" | "wrong_size" | "not_as_described" | "damaged" | "wrong_item" | "late" | "other" | undefined;
        /** Given when the goods are here and inspected already: the rest of the quantity is damaged */
        sellable?: number | undefined;
      })[];
      reason?: string | undefined;
    };
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Withdraw a return of which nothing has come */
  "POST /v1/orders/{id}/returns/{returnId}/withdraw": {
    path: {
      id: string;
      returnId: string;
    };
    query: never;
    body: Record<string, never> | undefined;
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Approve a return */
  "POST /v1/orders/{id}/returns/{returnId}/approve": {
    path: {
      id: string;
      returnId: string;
    };
    query: never;
    body: Record<string, never> | undefined;
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Reject a return */
  "POST /v1/orders/{id}/returns/{returnId}/reject": {
    path: {
      id: string;
      returnId: string;
    };
    query: never;
    body: {
      reason: string;
    };
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Close a return of which the rest will not come */
  "POST /v1/orders/{id}/returns/{returnId}/close": {
    path: {
      id: string;
      returnId: string;
    };
    query: never;
    body: Record<string, never> | undefined;
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Receive returned goods, inspected or not */
  "POST /v1/orders/{id}/returns/{returnId}/receive": {
    path: {
      id: string;
      returnId: string;
    };
    query: never;
    body: {
      lines: ({
        lineId: number;
        sellable?: number | undefined;
        damaged?: number | undefined;
        rejected?: number | undefined;
        quantity?: number | undefined;
      } | {
        sku: string;
        sellable?: number | undefined;
        damaged?: number | undefined;
        rejected?: number | undefined;
        quantity?: number | undefined;
      })[];
      /** What is not rejected is refunded unless it says none */
      refund?: "auto" | "none" | undefined;
      /** What the shop keeps of it */
      fee?: {
        amount: number;
        currency: string;
      } | undefined;
    };
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Record what inspection of returned goods found */
  "POST /v1/orders/{id}/returns/{returnId}/inspect": {
    path: {
      id: string;
      returnId: string;
    };
    query: never;
    body: {
      lines: ({
        lineId: number;
        sellable?: number | undefined;
        damaged?: number | undefined;
        rejected?: number | undefined;
      } | {
        sku: string;
        sellable?: number | undefined;
        damaged?: number | undefined;
        rejected?: number | undefined;
      })[];
      /** What is not rejected is refunded unless it says none */
      refund?: "auto" | "none" | undefined;
      /** What the shop keeps of it */
      fee?: {
        amount: number;
        currency: string;
      } | undefined;
    };
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Change what has not left: lines, address, method */
  "POST /v1/orders/{id}/edits": {
    path: {
      id: string;
    };
    query: never;
    body: {
      /** At the prices of now */
      add?: ({
        sku: string;
        quantity: number;
      })[] | undefined;
      remove?: ({
        lineId: number;
        quantity: number;
      } | {
        sku: string;
        quantity: number;
      })[] | undefined;
      shippingAddress?: {
        fullName: string;
        addressLine1: string;
        addressLine2?: string | undefined;
        city: string;
        state?: string | undefined;
        postalCode?: string | undefined;
        country: string;
        phone?: string | undefined;
      } | undefined;
      shippingMethod?: "standard" | "express" | "overnight" | undefined;
      /** What is due for all of it afterwards */
      acceptedTotal?: {
        amount: number;
        currency: string;
      } | undefined;
    };
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Send other pieces for some that are to come back */
  "POST /v1/orders/{id}/exchanges": {
    path: {
      id: string;
    };
    query: never;
    body: {
      returns: ({
        lineId: number;
        quantity: number;
        reason?: "changed_mind" | "wrong_size" | "not_as_described" | "damaged" | "wrong_item" | "late" | "other" | undefined;
      } | {
        sku: string;
        quantity: number;
        reason?: "changed_mind" | "wrong_size" | "not_as_described" | "damaged" | "wrong_item" | "late" | "other" | undefined;
      })[];
      /** At the prices of now */
      adds: ({
        sku: string;
        quantity: number;
      })[];
      /** What is to come back is credited at once, and asked for again where it does not come */
      advance?: boolean | undefined;
    };
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Capture what has still to be paid, or book a transfer that came in */
  "POST /v1/payments/{id}/capture": {
    path: {
      id: string;
    };
    query: never;
    body: {
      amount?: {
        amount: number;
        currency: string;
      } | undefined;
    } | undefined;
    answer: Schemas["Payment"];
  };
  /** Give an authorization back, or a transfer up, and cancel an order that has no other */
  "POST /v1/payments/{id}/void": {
    path: {
      id: string;
    };
    query: never;
    body: Record<string, never> | undefined;
    answer: Schemas["Payment"];
  };
  /** Pay what is still open of an order */
  "POST /v1/orders/{id}/payments": {
    path: {
      id: string;
    };
    query: never;
    body: {
      method: "credit_card" | "debit_card" | "paypal" | "bank_transfer" | "cod";
      token?: string | undefined;
    };
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Give money back */
  "POST /v1/orders/{id}/refunds": {
    path: {
      id: string;
    };
    query: never;
    body: {
      lines?: ({
        lineId: number;
        quantity: number;
      } | {
        sku: string;
        quantity: number;
      })[] | undefined;
      /** Tax and all; true for all that is left of it */
      shipping?: true | {
        amount: number;
        currency: string;
      } | undefined;
      /** As goodwill */
      amount?: {
        amount: number;
        currency: string;
      } | undefined;
      /** Only pieces that have left */
      of?: "delivered" | undefined;
      reason: string;
    };
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Try a refund again that was refused */
  "POST /v1/refunds/{id}/retry": {
    path: {
      id: string;
    };
    query: never;
    body: {
      manual?: boolean | undefined;
    } | undefined;
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Approve a refund that waits for it */
  "POST /v1/refunds/{id}/approve": {
    path: {
      id: string;
    };
    query: never;
    body: Record<string, never> | undefined;
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Reject a refund that waits for its approval */
  "POST /v1/refunds/{id}/reject": {
    path: {
      id: string;
    };
    query: never;
    body: {
      reason: string;
    };
    answer: Schemas["Order"] | Schemas["GuestOrder"];
  };
  /** Have the sandbox send a webhook, later or more than once */
  "POST /v1/sandbox/events": {
    path: never;
    query: never;
    body: {
      event: {
        id: string;
        paymentId: string;
        type: "payment.authorized";
        reference?: string | undefined;
      } | {
        id: string;
        paymentId: string;
        type: "payment.failed";
        reason?: string | undefined;
      } | {
        id: string;
        paymentId: string;
        type: "refund.succeeded";
        refundId: string;
      } | {
        id: string;
        paymentId: string;
        type: "refund.failed";
        refundId: string;
        reason?: string | undefined;
      } | {
        id: string;
        paymentId: string;
        type: "dispute.opened";
        disputeId: string;
        amount: number;
        reason?: string | undefined;
      } | {
        id: string;
        paymentId: string;
        type: "dispute.won";
        disputeId: string;
      } | {
        id: string;
        paymentId: string;
        type: "dispute.lost";
        disputeId: string;
      };
      copies?: number | undefined;
      delayMs?: number | undefined;
    };
    answer: Schemas["SandboxEventSent"];
  };
  /** Who is told what happens, oldest first */
  "GET /v1/webhook-endpoints": {
    path: never;
    query: {
      limit?: string | number | undefined;
      cursor?: string | number | undefined;
    };
    body: never;
    answer: Schemas["WebhookEndpointList"];
  };
  /** Tell another system what happens from now on */
  "POST /v1/webhook-endpoints": {
    path: never;
    query: never;
    body: {
      /** Where it is told; `https` only, unless WEBHOOK_PRIVATE_ADDRESSES allows it otherwise */
      url: string;
      topics: ("order.placed" | "order.confirmed" | "order.paid" | "order.edited" | "order.shipped" | "order.delivered" | "order.delivery_failed" | "order.lines_cancelled" | "order.cancelled" | "order.refunded" | "return.requested" | "return.approved" | "return.rejected" | "return.received" | "return.inspected" | "return.withdrawn" | "return.closed" | "payment.authorized" | "payment.captured" | "payment.failed" | "payment.voided" | "payment.disputed" | "payment.dispute_ended" | "refund.failed" | "product.created" | "product.changed" | "product.published" | "product.archived" | "stock.low" | "stock.changed")[];
      description?: string | undefined;
    };
    answer: Schemas["WebhookEndpointWithSecret"];
  };
  /** One webhook endpoint, and whether it takes what it is sent */
  "GET /v1/webhook-endpoints/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["WebhookEndpoint"];
  };
  /** Change a webhook endpoint, or turn it off or on again */
  "PATCH /v1/webhook-endpoints/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: {
      /** Where it is told; `https` only, unless WEBHOOK_PRIVATE_ADDRESSES allows it otherwise */
      url?: string | undefined;
      topics?: ("order.placed" | "order.confirmed" | "order.paid" | "order.edited" | "order.shipped" | "order.delivered" | "order.delivery_failed" | "order.lines_cancelled" | "order.cancelled" | "order.refunded" | "return.requested" | "return.approved" | "return.rejected" | "return.received" | "return.inspected" | "return.withdrawn" | "return.closed" | "payment.authorized" | "payment.captured" | "payment.failed" | "payment.voided" | "payment.disputed" | "payment.dispute_ended" | "refund.failed" | "product.created" | "product.changed" | "product.published" | "product.archived" | "stock.low" | "stock.changed")[] | undefined;
      description?: string | null | undefined;
      /** Turned on again, it is sent what it has missed */
      enabled?: boolean | undefined;
    };
    answer: Schemas["WebhookEndpoint"];
  };
  /** Delete a webhook endpoint */
  "DELETE /v1/webhook-endpoints/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["WebhookEndpointDeleted"];
  };
  /** Make a new secret; for a day messages are signed with the old one, too */
  "POST /v1/webhook-endpoints/{id}/rotate-secret": {
    path: {
      id: string;
    };
    query: never;
    body: Record<string, never> | undefined;
    answer: Schemas["WebhookEndpointWithSecret"];
  };
  /** Send again what was sent, in the order of the log */
  "POST /v1/webhook-endpoints/{id}/replay": {
    path: {
      id: string;
    };
    query: never;
    body: {
      /** A `Position`, whose event is not sent again, or a time, `2026-01-15T12:00:00Z` */
      from: string;
      /** Of those that the endpoint subscribes to; all of them when they are left out */
      topics?: ("order.placed" | "order.confirmed" | "order.paid" | "order.edited" | "order.shipped" | "order.delivered" | "order.delivery_failed" | "order.lines_cancelled" | "order.cancelled" | "order.refunded" | "return.requested" | "return.approved" | "return.rejected" | "return.received" | "return.inspected" | "return.withdrawn" | "return.closed" | "payment.authorized" | "payment.captured" | "payment.failed" | "payment.voided" | "payment.disputed" | "payment.dispute_ended" | "refund.failed" | "product.created" | "product.changed" | "product.published" | "product.archived" | "stock.low" | "stock.changed")[] | undefined;
      /** In place of one that is under way, what of it has not been sent: refused without */
      replace?: boolean | undefined;
    };
    answer: Schemas["WebhookEndpoint"];
  };
  /** Send a message of the type `webhook.test` now, and tell what came of it */
  "POST /v1/webhook-endpoints/{id}/test": {
    path: {
      id: string;
    };
    query: never;
    body: Record<string, never> | undefined;
    answer: Schemas["WebhookTest"];
  };
  /** Cancel an import: what it has done stays done */
  "POST /v1/imports/{id}/cancel": {
    path: {
      id: string;
    };
    query: never;
    body: Record<string, never> | undefined;
    answer: Schemas["Import"];
  };
  /** What the visitor named by Visitor-Id has looked at, newest first */
  "GET /v1/recently-viewed": {
    path: never;
    query: never;
    body: never;
    answer: Schemas["RecentProducts"];
  };
  /** What is for sale and was sold most, of all time, by units */
  "GET /v1/best-sellers": {
    path: never;
    query: {
      limit?: string | number | undefined;
    };
    body: never;
    answer: Schemas["BestSellers"] | Schemas["GuestBestSellers"];
  };
  /** List the stock of all SKUs, or of those with one status */
  "GET /v1/stock": {
    path: never;
    query: {
      status?: "in_stock" | "low_stock" | "out_of_stock" | undefined;
      limit?: string | number | undefined;
      cursor?: string | number | undefined;
    };
    body: never;
    answer: Schemas["StockList"];
  };
  /** The stock of a SKU as of now; for others than staff, what is left of one that is for sale */
  "GET /v1/stock/{sku}": {
    path: {
      sku: string;
    };
    query: never;
    body: never;
    answer: Schemas["Stock"] | Schemas["GuestStock"];
  };
  /** What moved the pieces of a SKU, newest first */
  "GET /v1/stock/{sku}/ledger": {
    path: {
      sku: string;
    };
    query: {
      limit?: string | number | undefined;
      cursor?: string | number | undefined;
    };
    body: never;
    answer: Schemas["StockLedger"];
  };
  /** List drafts that are no orders yet, newest first; each is read as a cart */
  "GET /v1/drafts": {
    path: never;
    query: {
      limit?: string | number | undefined;
      cursor?: string | number | undefined;
    };
    body: never;
    answer: Schemas["DraftList"];
  };
  /** How an order can be sent, and what that costs */
  "GET /v1/shipping-methods": {
    path: never;
    query: {
      country?: string | number | undefined;
    };
    body: never;
    answer: Schemas["ShippingMethods"];
  };
  /** Your orders, newest first */
  "GET /v1/me/orders": {
    path: never;
    query: {
      limit?: string | number | undefined;
      cursor?: string | number | undefined;
    };
    body: never;
    answer: Schemas["GuestOrderList"];
  };
  /** List orders, newest first */
  "GET /v1/orders": {
    path: never;
    query: {
      number?: string | number | undefined;
      name?: string | number | undefined;
      customer?: string | number | undefined;
      email?: string | number | undefined;
      status?: "pending" | "confirmed" | "paid" | "processing" | "shipped" | "delivered" | "cancelled" | "refunded" | undefined;
      paymentStatus?: "pending" | "paid" | "failed" | "refunded" | "partially_refunded" | undefined;
      sku?: string | number | undefined;
      from?: string | undefined;
      to?: string | undefined;
      limit?: string | number | undefined;
      cursor?: string | number | undefined;
    };
    body: never;
    answer: Schemas["OrderList"];
  };
  /** One order, by its id or its number; for a guest with the Cart-Token of its cart */
  "GET /v1/orders/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["OrderDetail"] | Schemas["GuestOrderDetail"];
  };
  /** What can still be refunded of an order, by its id or its number */
  "GET /v1/orders/{id}/refundable": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["Refundable"];
  };
  /** One payment */
  "GET /v1/payments/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["Payment"];
  };
  /** List customers, newest first */
  "GET /v1/customers": {
    path: never;
    query: {
      limit?: string | number | undefined;
      cursor?: string | number | undefined;
      email?: string | number | undefined;
      status?: "active" | "inactive" | "suspended" | undefined;
    };
    body: never;
    answer: Schemas["CustomerList"];
  };
  /** One customer */
  "GET /v1/customers/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["ListedCustomer"];
  };
  /** All that the shop knows of you */
  "GET /v1/me/export": {
    path: never;
    query: never;
    body: never;
    answer: Schemas["CustomerExport"];
  };
  /** Sales by day or by month, oldest first */
  "GET /v1/analytics/sales": {
    path: never;
    query: {
      from?: string | number | undefined;
      to?: string | number | undefined;
      interval?: "day" | "month" | undefined;
    };
    body: never;
    answer: Schemas["Sales"];
  };
  /** Money given back by day or by month, oldest first */
  "GET /v1/analytics/refunds": {
    path: never;
    query: {
      from?: string | number | undefined;
      to?: string | number | undefined;
      interval?: "day" | "month" | undefined;
    };
    body: never;
    answer: Schemas["Refunds"];
  };
  /** What was first paid or shipped of each SKU, less what came back, best first */
  "GET /v1/analytics/products": {
    path: never;
    query: {
      from?: string | number | undefined;
      to?: string | number | undefined;
      sort?: "revenue" | "units" | undefined;
      limit?: string | number | undefined;
    };
    body: never;
    answer: Schemas["ProductSales"];
  };
  /** What was first paid or shipped of each category, less what came back, best first */
  "GET /v1/analytics/categories": {
    path: never;
    query: {
      from?: string | number | undefined;
      to?: string | number | undefined;
      sort?: "revenue" | "units" | undefined;
      limit?: string | number | undefined;
    };
    body: never;
    answer: Schemas["CategorySales"];
  };
  /** How many carts opened in the days came to each step from cart to order */
  "GET /v1/analytics/funnel": {
    path: never;
    query: {
      from?: string | number | undefined;
      to?: string | number | undefined;
    };
    body: never;
    answer: Schemas["Funnel"];
  };
  /** What happens, in the order of the log: as server-sent events with `Accept: text/event-stream`, which go on from `Last-Event-ID`; else by pages */
  "GET /v1/events": {
    path: never;
    query: {
      topics?: string | number | undefined;
      from?: string | number | undefined;
      limit?: string | number | undefined;
      cursor?: string | number | undefined;
    };
    body: never;
    answer: Schemas["Feed"];
  };
  /** Orders as a table, oldest first: a row for each line, or for each order */
  "GET /v1/exports/orders": {
    path: never;
    query: {
      number?: string | number | undefined;
      name?: string | number | undefined;
      customer?: string | number | undefined;
      email?: string | number | undefined;
      status?: "pending" | "confirmed" | "paid" | "processing" | "shipped" | "delivered" | "cancelled" | "refunded" | undefined;
      paymentStatus?: "pending" | "paid" | "failed" | "refunded" | "partially_refunded" | undefined;
      sku?: string | number | undefined;
      from?: string | undefined;
      to?: string | undefined;
      rows?: "lines" | "orders" | undefined;
      format?: "csv" | "jsonl" | undefined;
      bom?: "true" | "false" | boolean | undefined;
    };
    body: never;
    answer: string;
  };
  /** Products as a table: a row for each variant */
  "GET /v1/exports/products": {
    path: never;
    query: {
      status?: string | number | undefined;
      format?: "csv" | "jsonl" | undefined;
      bom?: "true" | "false" | boolean | undefined;
    };
    body: never;
    answer: string;
  };
  /** Stock as a table: a row for each SKU */
  "GET /v1/exports/stock": {
    path: never;
    query: {
      status?: "in_stock" | "low_stock" | "out_of_stock" | undefined;
      format?: "csv" | "jsonl" | undefined;
      bom?: "true" | "false" | boolean | undefined;
    };
    body: never;
    answer: string;
  };
  /** What was done to one thing, by whomever, or what staff, keys and operators did; newest first */
  "GET /v1/audit": {
    path: never;
    query: {
      stream?: string | number | undefined;
      actor?: string | number | undefined;
      from?: string | undefined;
      to?: string | undefined;
      limit?: string | number | undefined;
      cursor?: string | number | undefined;
    };
    body: never;
    answer: Schemas["AuditTrail"];
  };
  /** Imports of products, newest first */
  "GET /v1/imports": {
    path: never;
    query: {
      limit?: string | number | undefined;
      cursor?: string | number | undefined;
    };
    body: never;
    answer: Schemas["ImportList"];
  };
  /** One import: how far it is, what it has come to, and the first of what was rejected */
  "GET /v1/imports/{id}": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: Schemas["Import"];
  };
  /** What an import has rejected so far, as CSV: row, product, field, value and reason */
  "GET /v1/imports/{id}/rejects": {
    path: {
      id: string;
    };
    query: never;
    body: never;
    answer: string;
  };
  /** Take a payment gateway's event, raw and signed */
  "POST /v1/webhooks/{gateway}": {
    path: {
      gateway: string;
    };
    query: never;
    body: never;
    answer: Schemas["WebhookTaken"];
  };
  /** Import products from a file: in the columns of the products' export, of Shopify's or of WooCommerce's */
  "POST /v1/imports/products": {
    path: never;
    query: {
      dryRun?: "true" | "false" | boolean | undefined;
      publish?: "true" | "false" | boolean | undefined;
      encoding?: string | number | undefined;
    };
    body: unknown;
    answer: Schemas["Import"];
  };
}

export interface Schemas {
  Money: {
    amount: number;
    currency: string;
  };
  Totals: {
    subtotal: Schemas["Money"];
    discount: Schemas["Money"];
    shipping: Schemas["Money"];
    tax: Schemas["Money"];
    total: Schemas["Money"];
  };
  ShippingOption: {
    method: "standard" | "express" | "overnight";
    /** Without tax where prices are without it */
    price: Schemas["Money"];
  };
  ShippingMethods: {
    items: (Schemas["ShippingOption"])[];
  };
  Quote: {
    /** Sent with the checkout: it is charged just this, or refused */
    quoteHash: string;
    lines: ({
      lineId: string;
      sku: string;
      name: string;
      quantity: number;
      unitPrice: Schemas["Money"];
      subtotal: Schemas["Money"];
      discount: Schemas["Money"];
      tax: Schemas["Money"];
      total: Schemas["Money"];
    })[];
    shippingMethod: "standard" | "express" | "overnight";
    shippingOptions: (Schemas["ShippingOption"])[];
    taxes: ({
      rateBp: number;
      included: boolean;
      amount: Schemas["Money"];
    })[];
    totals: Schemas["Totals"];
    /** Prices that have changed since their lines were added */
    changes: ({
      lineId: string;
      sku: string;
      was: Schemas["Money"];
      now: Schemas["Money"];
    })[];
  };
  Stock: {
    sku: string;
    onHand: number;
    reserved: number;
    committed: number;
    damaged: number;
    quarantine: number;
    available: number;
    status: "in_stock" | "low_stock" | "out_of_stock";
    track: boolean;
    backorders: boolean;
    lowStockThreshold: number;
  };
  ChangedStock: {
    sku: string;
    onHand: number;
    reserved: number;
    committed: number;
    damaged: number;
    quarantine: number;
    available: number;
    status: "in_stock" | "low_stock" | "out_of_stock";
    track: boolean;
    backorders: boolean;
    lowStockThreshold: number;
    atRisk: ({
      orderId: string;
      quantity: number;
    })[];
  };
  GuestStock: {
    sku: string;
    status: "in_stock" | "low_stock" | "out_of_stock";
    available: number | null;
  };
  StockMovement: {
    revision: number;
    at: string;
    type: "received" | "adjusted" | "reserved" | "committed" | "released" | "uncommitted" | "expired" | "shipped" | "returned" | "regraded" | "backordered" | "backorder_filled" | "counted" | "written_off";
    quantity: number;
    kind?: "purchase" | "sale" | "adjustment" | "return" | "transfer" | undefined;
    previous?: number | undefined;
    new?: number | undefined;
    reference?: string | undefined;
    referenceType?: "order" | "return" | "delivery" | undefined;
    reason?: string | undefined;
    damaged?: number | undefined;
    quarantine?: number | undefined;
    notRestocked?: number | undefined;
    from?: "sellable" | "damaged" | "quarantine" | undefined;
    to?: "sellable" | "damaged" | "quarantine" | undefined;
  };
  StockList: {
    items: (Schemas["Stock"])[];
    nextCursor: string | null;
  };
  StockLedger: {
    items: (Schemas["StockMovement"])[];
    nextCursor: string | null;
  };
  OrderPlacedEvent: {
    id: string;
    type: "order.placed";
    timestamp: string;
    data: {
      orderId: string;
      number: string;
      cartId: string;
      customerId?: string | undefined;
      paymentId: string;
      paymentMethod: "credit_card" | "debit_card" | "paypal" | "bank_transfer" | "cod";
      shippingMethod: string;
      lines: ({
        lineId: number;
        sku: string;
        quantity: number;
        productId: string;
        name: string;
        unitPrice: {
          amount: number;
          currency: string;
        };
        total: {
          amount: number;
          currency: string;
        };
      })[];
      totals: {
        subtotal: {
          amount: number;
          currency: string;
        };
        discount: {
          amount: number;
          currency: string;
        };
        shipping: {
          amount: number;
          currency: string;
        };
        tax: {
          amount: number;
          currency: string;
        };
        total: {
          amount: number;
          currency: string;
        };
      };
      payBy?: string | undefined;
    };
  };
  OrderConfirmedEvent: {
    id: string;
    type: "order.confirmed";
    timestamp: string;
    data: {
      orderId: string;
      units: number;
      gross: {
        amount: number;
        currency: string;
      };
    };
  };
  OrderPaidEvent: {
    id: string;
    type: "order.paid";
    timestamp: string;
    data: {
      orderId: string;
      paymentId: string;
      amount: {
        amount: number;
        currency: string;
      };
    };
  };
  OrderEditedEvent: {
    id: string;
    type: "order.edited";
    timestamp: string;
    data: {
      orderId: string;
      editId: string;
    };
  };
  OrderShippedEvent: {
    id: string;
    type: "order.shipped";
    timestamp: string;
    data: {
      orderId: string;
      shipmentId: string;
      lines: ({
        lineId?: number | undefined;
        sku: string;
        quantity: number;
      })[];
      carrier?: string | undefined;
      trackingNumber?: string | undefined;
      complete: boolean;
    };
  };
  OrderDeliveredEvent: {
    id: string;
    type: "order.delivered";
    timestamp: string;
    data: {
      orderId: string;
      shipmentId: string;
      lines?: ({
        lineId?: number | undefined;
        sku: string;
        quantity: number;
      })[] | undefined;
      complete: boolean;
    };
  };
  OrderDeliveryFailedEvent: {
    id: string;
    type: "order.delivery_failed";
    timestamp: string;
    data: {
      orderId: string;
      shipmentId: string;
      outcome: "refused" | "undeliverable" | "lost";
      lines: ({
        lineId?: number | undefined;
        sku: string;
        quantity: number;
      })[];
    };
  };
  OrderLinesCancelledEvent: {
    id: string;
    type: "order.lines_cancelled";
    timestamp: string;
    data: {
      orderId: string;
      lines: ({
        lineId?: number | undefined;
        sku: string;
        quantity: number;
      })[];
      complete: boolean;
    };
  };
  OrderCancelledEvent: {
    id: string;
    type: "order.cancelled";
    timestamp: string;
    data: {
      orderId: string;
    };
  };
  OrderRefundedEvent: {
    id: string;
    type: "order.refunded";
    timestamp: string;
    data: {
      orderId: string;
      paymentId: string;
      refundId: string;
      amount: {
        amount: number;
        currency: string;
      };
      cause: "cancellation" | "return" | "goodwill" | "dispute";
      full: boolean;
    };
  };
  ReturnRequestedEvent: {
    id: string;
    type: "return.requested";
    timestamp: string;
    data: {
      orderId: string;
      returnId: string;
      lines: ({
        lineId?: number | undefined;
        sku: string;
        quantity: number;
        reason?: "changed_mind" | "wrong_size" | "not_as_described" | "damaged" | "wrong_item" | "late" | "other" | undefined;
      })[];
    };
  };
  ReturnApprovedEvent: {
    id: string;
    type: "return.approved";
    timestamp: string;
    data: {
      orderId: string;
      returnId: string;
    };
  };
  ReturnRejectedEvent: {
    id: string;
    type: "return.rejected";
    timestamp: string;
    data: {
      orderId: string;
      returnId: string;
    };
  };
  ReturnReceivedEvent: {
    id: string;
    type: "return.received";
    timestamp: string;
    data: {
      orderId: string;
      returnId: string;
      lines: ({
        lineId?: number | undefined;
        sku: string;
        sellable: number;
        damaged: number;
        rejected: number;
        inspecting: number;
      })[];
    };
  };
  ReturnInspectedEvent: {
    id: string;
    type: "return.inspected";
    timestamp: string;
    data: {
      orderId: string;
      returnId: string;
      lines: ({
        lineId?: number | undefined;
        sku: string;
        sellable: number;
        damaged: number;
        rejected: number;
        inspecting: number;
      })[];
    };
  };
  ReturnWithdrawnEvent: {
    id: string;
    type: "return.withdrawn";
    timestamp: string;
    data: {
      orderId: string;
      returnId: string;
    };
  };
  ReturnClosedEvent: {
    id: string;
    type: "return.closed";
    timestamp: string;
    data: {
      orderId: string;
      returnId: string;
    };
  };
  PaymentAuthorizedEvent: {
    id: string;
    type: "payment.authorized";
    timestamp: string;
    data: {
      paymentId: string;
      amount: {
        amount: number;
        currency: string;
      };
    };
  };
  PaymentCapturedEvent: {
    id: string;
    type: "payment.captured";
    timestamp: string;
    data: {
      paymentId: string;
      amount: {
        amount: number;
        currency: string;
      };
    };
  };
  PaymentFailedEvent: {
    id: string;
    type: "payment.failed";
    timestamp: string;
    data: {
      paymentId: string;
    };
  };
  PaymentVoidedEvent: {
    id: string;
    type: "payment.voided";
    timestamp: string;
    data: {
      paymentId: string;
    };
  };
  PaymentDisputedEvent: {
    id: string;
    type: "payment.disputed";
    timestamp: string;
    data: {
      paymentId: string;
      orderId: string;
      disputeId: string;
      amount: {
        amount: number;
        currency: string;
      };
    };
  };
  PaymentDisputeEndedEvent: {
    id: string;
    type: "payment.dispute_ended";
    timestamp: string;
    data: {
      paymentId: string;
      orderId: string;
      disputeId: string;
      amount: {
        amount: number;
        currency: string;
      };
      won: boolean;
    };
  };
  RefundFailedEvent: {
    id: string;
    type: "refund.failed";
    timestamp: string;
    data: {
      paymentId: string;
      orderId: string;
      refundId: string;
      amount: {
        amount: number;
        currency: string;
      };
    };
  };
  ProductCreatedEvent: {
    id: string;
    type: "product.created";
    timestamp: string;
    data: {
      productId: string;
      slug: string;
      skus: (string)[];
    };
  };
  ProductChangedEvent: {
    id: string;
    type: "product.changed";
    timestamp: string;
    data: {
      productId: string;
      changes: (string)[];
      sku?: string | undefined;
      price?: {
        amount: number;
        currency: string;
      } | undefined;
    };
  };
  ProductPublishedEvent: {
    id: string;
    type: "product.published";
    timestamp: string;
    data: {
      productId: string;
    };
  };
  ProductArchivedEvent: {
    id: string;
    type: "product.archived";
    timestamp: string;
    data: {
      productId: string;
    };
  };
  StockLowEvent: {
    id: string;
    type: "stock.low";
    timestamp: string;
    data: {
      sku: string;
      available: number;
      threshold: number;
    };
  };
  StockChangedEvent: {
    id: string;
    type: "stock.changed";
    timestamp: string;
    data: {
      sku: string;
      change: {
        onHand: number;
        available: number;
      };
    };
  };
  Problem: {
    type: string;
    title: string;
    status: number;
    detail: string;
    code: "malformed_request" | "invalid_cursor" | "invalid_credentials" | "totp_required" | "session_ended" | "unauthorized" | "payment_declined" | "refund_refused" | "account_suspended" | "recent_login_required" | "forbidden" | "not_found" | "request_timeout" | "already_exists" | "out_of_stock" | "price_changed" | "cart_locked" | "cart_converted" | "cart_closed" | "limit_reached" | "cart_empty" | "cart_full" | "illegal_transition" | "return_window_over" | "coupon_exhausted" | "not_for_sale" | "currency_mismatch" | "request_in_progress" | "too_much_contention" | "revision_mismatch" | "payload_too_large" | "unsupported_media_type" | "validation_failed" | "token_invalid" | "idempotency_key_reused" | "rate_limited" | "headers_too_large" | "internal_error" | "unavailable" | "projection_behind";
    /** Of `validation_failed`: which fields, such as `items.0.quantity` */
    errors?: ({
      path: string;
      message: string;
    })[] | undefined;
    /** Of `out_of_stock` and `not_for_sale` */
    sku?: string | undefined;
    /** Of `out_of_stock` */
    requested?: number | undefined;
    /** Of `out_of_stock` */
    available?: number | null | undefined;
    /** Of `price_changed`: what it comes to by now */
    total?: Schemas["Money"] | undefined;
    /** Of `price_changed` */
    acceptedTotal?: Schemas["Money"] | undefined;
    /** Of `price_changed`: the new quote */
    quote?: Schemas["Quote"] | undefined;
    /** Of `cart_locked` and `cart_converted` */
    orderId?: string | undefined;
    /** Of `revision_mismatch`: the one it is at */
    revision?: number | undefined;
    /** Of `projection_behind`: how far the read model is */
    position?: string | undefined;
    /** Of `unavailable`: which store is away */
    store?: "events" | "views" | "vault" | undefined;
  };
  ApiKey: {
    id: string;
    name: string;
    scopes: ("products" | "stock" | "orders" | "ship" | "care" | "refund" | "customers" | "privacy" | "analytics" | "admin")[];
    status: "active" | "expired" | "revoked";
    createdAt: string;
    expiresAt: string;
    /** The bearer token: in the answer that makes it, and nowhere else */
    key?: string | undefined;
  };
  Address: {
    fullName: string;
    addressLine1: string;
    addressLine2?: string | undefined;
    city: string;
    state?: string | undefined;
    postalCode?: string | undefined;
    country: string;
    phone?: string | undefined;
  };
  CartItem: {
    lineId: string;
    sku: string;
    productId: string;
    name: string;
    quantity: number;
    /** As of now, unless the cart is being checked out */
    unitPrice: Schemas["Money"];
    lineTotal: Schemas["Money"];
    priceOverridden?: true | undefined;
    /** Since it was added, or its quantity changed */
    priceChanged?: {
      was: Schemas["Money"];
      now: Schemas["Money"];
    } | undefined;
    /** It has to be removed before a checkout */
    notForSale?: true | undefined;
  };
  Cart: {
    id: string;
    status: "open" | "checking_out" | "converted" | "abandoned" | "expired" | "merged";
    currency: string;
    items: (Schemas["CartItem"])[];
    itemCount: number;
    totals: Schemas["Totals"];
    subtotal?: Schemas["Money"] | undefined;
    orderId?: string | undefined;
    failure?: {
      code: string;
      detail: string;
    } | undefined;
    email?: string | undefined;
    shippingAddress?: Schemas["Address"] | undefined;
    billingAddress?: Schemas["Address"] | undefined;
    shippingMethod: "standard" | "express" | "overnight";
    createdAt?: string | undefined;
    updatedAt?: string | undefined;
    /** Opened by staff for a customer: it never expires */
    draft?: true | undefined;
    expiresAt?: string | undefined;
    cartToken?: string | undefined;
  };
  GuestCart: {
    id: string;
    status: "open" | "checking_out" | "converted" | "abandoned" | "expired" | "merged";
    currency: string;
    itemCount: number;
    totals: Schemas["Totals"];
    subtotal?: Schemas["Money"] | undefined;
    orderId?: string | undefined;
    email?: string | undefined;
    shippingAddress?: Schemas["Address"] | undefined;
    billingAddress?: Schemas["Address"] | undefined;
    shippingMethod: "standard" | "express" | "overnight";
    createdAt?: string | undefined;
    updatedAt?: string | undefined;
    expiresAt?: string | undefined;
    cartToken?: string | undefined;
    items: ({
      lineId: string;
      sku: string;
      productId: string;
      name: string;
      quantity: number;
      /** As of now, unless the cart is being checked out */
      unitPrice: Schemas["Money"];
      lineTotal: Schemas["Money"];
      priceOverridden?: true | undefined;
      /** Since it was added, or its quantity changed */
      priceChanged?: {
        was: Schemas["Money"];
        now: Schemas["Money"];
      } | undefined;
      /** It has to be removed before a checkout */
      notForSale?: true | undefined;
    })[];
    failure?: {
      code: string;
      detail: string;
    } | undefined;
  };
  Draft: {
    id: string;
    status: "open" | "checking_out" | "converted" | "abandoned" | "expired" | "merged";
    currency: string;
    itemCount: number;
    subtotal?: Schemas["Money"] | undefined;
    orderId?: string | undefined;
    failure?: {
      code: string;
      detail: string;
    } | undefined;
    email?: string | undefined;
    shippingAddress?: Schemas["Address"] | undefined;
    billingAddress?: Schemas["Address"] | undefined;
    createdAt?: string | undefined;
    updatedAt?: string | undefined;
    /** Opened by staff for a customer: it never expires */
    draft?: true | undefined;
    expiresAt?: string | undefined;
  };
  DraftList: {
    items: (Schemas["Draft"])[];
    nextCursor: string | null;
  };
  Payment: {
    id: string;
    orderId: string;
    status: "initiated" | "action_required" | "authorized" | "partially_captured" | "captured" | "voided" | "failed";
    method: string;
    gateway: string;
    amount: Schemas["Money"];
    authorized?: Schemas["Money"] | undefined;
    captured: Schemas["Money"];
    refunded: Schemas["Money"];
    refundPending?: Schemas["Money"] | undefined;
    refundable?: Schemas["Money"] | undefined;
    refunds?: ({
      id: string;
      amount: Schemas["Money"];
      cause: "cancellation" | "return" | "goodwill" | "dispute";
      reason: string;
      status: "awaiting_approval" | "pending" | "succeeded" | "failed" | "rejected";
      failure?: string | undefined;
      requestedAt?: string | undefined;
    })[] | undefined;
    disputes?: ({
      id: string;
      amount: Schemas["Money"];
      reason: string;
      status: "open" | "won" | "lost";
      at: string;
    })[] | undefined;
    actionUrl?: string | undefined;
    failure?: string | undefined;
    orphaned?: true | undefined;
    createdAt?: string | undefined;
    updatedAt?: string | undefined;
  };
  GuestPayment: {
    id: string;
    status: "initiated" | "action_required" | "authorized" | "partially_captured" | "captured" | "voided" | "failed";
    method: string;
    amount: Schemas["Money"];
    captured: Schemas["Money"];
    refunded: Schemas["Money"];
    actionUrl?: string | undefined;
    createdAt?: string | undefined;
    updatedAt?: string | undefined;
  };
  SandboxEventSent: {
    id: string;
  };
  WebhookTaken: {
    received: true;
  };
  Quantities: {
    ordered: number;
    cancelled: number;
    toShip: number;
    allocated?: number | undefined;
    backordered?: number | undefined;
    inTransit: number;
    failed: number;
    kept: number;
    announced: number;
    returned: number;
    inspecting: number;
    sellable: number;
    damaged: number;
  };
  GuestQuantities: {
    ordered: number;
    cancelled: number;
    toShip: number;
    allocated?: number | undefined;
    backordered?: number | undefined;
    inTransit: number;
    failed: number;
    kept: number;
    announced: number;
    returned: number;
  };
  OrderLine: {
    lineId: number;
    sku: string;
    productId: string;
    name: string;
    category?: string | undefined;
    quantity: number;
    unitPrice: Schemas["Money"];
    subtotal: Schemas["Money"];
    discount: Schemas["Money"];
    tax: Schemas["Money"];
    total: Schemas["Money"];
    quantities: Schemas["Quantities"];
    priceOverridden?: true | undefined;
  };
  GuestOrderLine: {
    lineId: number;
    sku: string;
    productId: string;
    name: string;
    category?: string | undefined;
    quantity: number;
    unitPrice: Schemas["Money"];
    subtotal: Schemas["Money"];
    discount: Schemas["Money"];
    tax: Schemas["Money"];
    total: Schemas["Money"];
    quantities: Schemas["GuestQuantities"];
  };
  OrderMoney: {
    due: Schemas["Money"];
    captured: Schemas["Money"];
    refunded: Schemas["Money"];
    pending: Schemas["Money"];
    balance: Schemas["Money"];
  };
  OrderMoneyDetail: {
    due: Schemas["Money"];
    captured: Schemas["Money"];
    refunded: Schemas["Money"];
    pending: Schemas["Money"];
    balance: Schemas["Money"];
    authorized: Schemas["Money"];
    disputed: Schemas["Money"];
  };
  TimelineEntry: {
    at: string;
    type: "placed" | "confirmed" | "paid" | "payment_failed" | "processing" | "shipped" | "delivered" | "delivery_failed" | "shipment_returned" | "reshipment" | "return_requested" | "return_approved" | "return_rejected" | "return_received" | "return_inspected" | "return_withdrawn" | "return_closed" | "items_cancelled" | "edited" | "address_changed" | "exchange_agreed" | "credited" | "disputed" | "dispute_ended" | "refund_failed" | "cancelled" | "refunded" | "note";
    /** In full, with the reasons that staff and gateways have given */
    text: string;
    /** What the customer reads of it; left out, nothing */
    customerText?: string | undefined;
  };
  GuestTimelineEntry: {
    at: string;
    type: "placed" | "confirmed" | "paid" | "payment_failed" | "processing" | "shipped" | "delivered" | "delivery_failed" | "shipment_returned" | "reshipment" | "return_requested" | "return_approved" | "return_rejected" | "return_received" | "return_inspected" | "return_withdrawn" | "return_closed" | "items_cancelled" | "edited" | "address_changed" | "exchange_agreed" | "credited" | "disputed" | "dispute_ended" | "refund_failed" | "cancelled" | "refunded" | "note";
    text: string;
  };
  OrderDetail: {
    id: string;
    number: string;
    status: "pending" | "confirmed" | "paid" | "processing" | "shipped" | "delivered" | "cancelled" | "refunded";
    paymentStatus: "pending" | "paid" | "failed" | "refunded" | "partially_refunded";
    cartId: string;
    paymentMethod: string;
    shippingMethod: string;
    lines: (Schemas["OrderLine"])[];
    totals: Schemas["Totals"];
    money: Schemas["OrderMoneyDetail"];
    refunded: Schemas["Money"];
    paymentId: string;
    currency: string;
    email?: string | undefined;
    customerId?: string | undefined;
    itemCount: number;
    lineCount: number;
    tax: {
      rateBp: number;
      included: boolean;
      per: "line" | "total";
      rounding: "half_up" | "half_even";
    };
    shippingAddress?: Schemas["Address"] | undefined;
    billingAddress?: Schemas["Address"] | undefined;
    payments: (Schemas["Payment"])[];
    shipments: ({
      id: string;
      lines: ({
        lineId?: number | undefined;
        sku: string;
        quantity: number;
      })[];
      carrier?: string | undefined;
      trackingNumber?: string | undefined;
      dispatchedAt: string;
      deliveredAt?: string | undefined;
      failures?: ({
        outcome: "refused" | "undeliverable" | "lost";
        lines: ({
          lineId?: number | undefined;
          sku: string;
          quantity: number;
        })[];
        at: string;
      })[] | undefined;
    })[];
    returns: ({
      id: string;
      status: "requested" | "approved" | "rejected" | "withdrawn" | "partly_received" | "closed";
      lines: ({
        lineId?: number | undefined;
        sku: string;
        quantity: number;
        reason?: "changed_mind" | "wrong_size" | "not_as_described" | "damaged" | "wrong_item" | "late" | "other" | undefined;
      })[];
      reason?: string | undefined;
      rejection?: string | undefined;
      received?: ({
        lineId?: number | undefined;
        sku: string;
        sellable: number;
        damaged: number;
        rejected?: number | undefined;
        inspecting?: number | undefined;
      })[] | undefined;
      requestedAt: string;
    })[];
    refunds: ({
      id: string;
      amount: Schemas["Money"];
      cause: "cancellation" | "return" | "goodwill" | "dispute";
      at: string;
    })[];
    notRestocked?: ({
      sku: string;
      quantity: number;
    })[] | undefined;
    timeline: (Schemas["TimelineEntry"])[];
    placedAt: string;
    updatedAt: string;
  };
  GuestOrderDetail: {
    id: string;
    number: string;
    status: "pending" | "confirmed" | "paid" | "processing" | "shipped" | "delivered" | "cancelled" | "refunded";
    paymentStatus: "pending" | "paid" | "failed" | "refunded" | "partially_refunded";
    cartId: string;
    paymentMethod: string;
    shippingMethod: string;
    totals: Schemas["Totals"];
    money: Schemas["OrderMoneyDetail"];
    refunded: Schemas["Money"];
    currency: string;
    email?: string | undefined;
    itemCount: number;
    lineCount: number;
    shippingAddress?: Schemas["Address"] | undefined;
    billingAddress?: Schemas["Address"] | undefined;
    placedAt: string;
    updatedAt: string;
    lines: (Schemas["GuestOrderLine"])[];
    payments: (Schemas["GuestPayment"])[];
    shipments: ({
      id: string;
      lines: ({
        lineId?: number | undefined;
        sku: string;
        quantity: number;
      })[];
      carrier?: string | undefined;
      trackingNumber?: string | undefined;
      dispatchedAt: string;
      deliveredAt?: string | undefined;
      failures?: ({
        outcome: "refused" | "undeliverable" | "lost";
        lines: ({
          lineId?: number | undefined;
          sku: string;
          quantity: number;
        })[];
        at: string;
      })[] | undefined;
    })[];
    returns: ({
      id: string;
      status: "requested" | "approved" | "rejected" | "withdrawn" | "partly_received" | "closed";
      lines: ({
        lineId?: number | undefined;
        sku: string;
        quantity: number;
        reason?: "changed_mind" | "wrong_size" | "not_as_described" | "damaged" | "wrong_item" | "late" | "other" | undefined;
      })[];
      requestedAt: string;
    })[];
    refunds: ({
      id: string;
      amount: Schemas["Money"];
      at: string;
    })[];
    timeline: (Schemas["GuestTimelineEntry"])[];
  };
  OrderSummary: {
    id: string;
    number: string;
    status: "pending" | "confirmed" | "paid" | "processing" | "shipped" | "delivered" | "cancelled" | "refunded";
    paymentStatus: "pending" | "paid" | "failed" | "refunded" | "partially_refunded";
    email?: string | undefined;
    customerId?: string | undefined;
    total: Schemas["Money"];
    itemCount: number;
    lineCount: number;
    placedAt: string;
    updatedAt: string;
  };
  Refundable: {
    id: string;
    number: string;
    lines: ({
      lineId: number;
      sku: string;
      name: string;
      /** Pieces that can still be refunded */
      quantity: number;
      /** What is left of them; where prices include tax, it is in it */
      goods: Schemas["Money"];
      tax: Schemas["Money"];
      /** What the customer pays for them */
      total: Schemas["Money"];
    })[];
    /** What is left of it, tax and all */
    shipping: Schemas["Money"];
    shippingTax: Schemas["Money"];
    /** The most that can be refunded */
    total: Schemas["Money"];
    /** What of that would go back to the customer: no more than was paid */
    payout: Schemas["Money"];
  };
  Order: {
    id: string;
    number: string;
    status: "pending" | "confirmed" | "paid" | "processing" | "shipped" | "delivered" | "cancelled" | "refunded";
    paymentStatus: "pending" | "paid" | "failed" | "refunded" | "partially_refunded";
    cartId: string;
    paymentMethod: string;
    shippingMethod: string;
    lines: (Schemas["OrderLine"])[];
    totals: Schemas["Totals"];
    money: Schemas["OrderMoney"];
    refunded: Schemas["Money"];
    payments: ({
      id: string;
    })[];
    shipments: ({
      id: string;
      lines: ({
        lineId?: number | undefined;
        sku: string;
        quantity: number;
      })[];
      delivered: boolean;
    })[];
    returns: ({
      id: string;
      status: "requested" | "approved" | "rejected" | "withdrawn" | "partly_received" | "closed";
      lines: ({
        lineId?: number | undefined;
        sku: string;
        quantity: number;
        reason?: "changed_mind" | "wrong_size" | "not_as_described" | "damaged" | "wrong_item" | "late" | "other" | undefined;
      })[];
    })[];
    notRestocked?: ({
      sku: string;
      quantity: number;
    })[] | undefined;
    nextAction?: {
      url: string | null;
    } | undefined;
    shipmentId?: string | undefined;
    returnId?: string | undefined;
    refundId?: string | undefined;
    paymentId?: string | undefined;
    editId?: string | undefined;
  };
  GuestOrder: {
    id: string;
    number: string;
    status: "pending" | "confirmed" | "paid" | "processing" | "shipped" | "delivered" | "cancelled" | "refunded";
    paymentStatus: "pending" | "paid" | "failed" | "refunded" | "partially_refunded";
    cartId: string;
    paymentMethod: string;
    shippingMethod: string;
    totals: Schemas["Totals"];
    money: Schemas["OrderMoney"];
    refunded: Schemas["Money"];
    payments: ({
      id: string;
    })[];
    shipments: ({
      id: string;
      lines: ({
        lineId?: number | undefined;
        sku: string;
        quantity: number;
      })[];
      delivered: boolean;
    })[];
    returns: ({
      id: string;
      status: "requested" | "approved" | "rejected" | "withdrawn" | "partly_received" | "closed";
      lines: ({
        lineId?: number | undefined;
        sku: string;
        quantity: number;
        reason?: "changed_mind" | "wrong_size" | "not_as_described" | "damaged" | "wrong_item" | "late" | "other" | undefined;
      })[];
    })[];
    nextAction?: {
      url: string | null;
    } | undefined;
    returnId?: string | undefined;
    paymentId?: string | undefined;
    lines: (Schemas["GuestOrderLine"])[];
  };
  OrderList: {
    items: (Schemas["OrderSummary"])[];
    nextCursor: string | null;
  };
  GuestOrderSummary: {
    id: string;
    number: string;
    status: "pending" | "confirmed" | "paid" | "processing" | "shipped" | "delivered" | "cancelled" | "refunded";
    paymentStatus: "pending" | "paid" | "failed" | "refunded" | "partially_refunded";
    total: Schemas["Money"];
    itemCount: number;
    lineCount: number;
    placedAt: string;
    updatedAt: string;
  };
  GuestOrderList: {
    items: (Schemas["GuestOrderSummary"])[];
    nextCursor: string | null;
  };
  Tokens: {
    /** Bearer token of the next minutes */
    accessToken: string;
    /** Seconds */
    expiresIn: number;
    /** Good for one use at /v1/auth/refresh */
    refreshToken: string;
    customerId: string;
  };
  MergedCart: {
    cart?: Schemas["Cart"] | Schemas["GuestCart"] | undefined;
    /** What has become of the guest's cart: it is the customer's now, or its lines are in the one that was there */
    merge: "assigned" | "merged" | "cart_locked" | "none";
  };
  LoggedIn: {
    /** Bearer token of the next minutes */
    accessToken: string;
    /** Seconds */
    expiresIn: number;
    /** Good for one use at /v1/auth/refresh */
    refreshToken: string;
    customerId: string;
    cart?: Schemas["Cart"] | Schemas["GuestCart"] | undefined;
    /** What has become of the guest's cart: it is the customer's now, or its lines are in the one that was there */
    merge?: "assigned" | "merged" | "cart_locked" | "none" | undefined;
  };
  Accepted: {
    accepted: true;
  };
  CustomerAddress: {
    id: string;
    label: "home" | "work" | "other";
    usage: "shipping" | "billing" | "both";
    fullName?: string | undefined;
    addressLine1?: string | undefined;
    addressLine2?: string | undefined;
    city?: string | undefined;
    state?: string | undefined;
    postalCode?: string | undefined;
    country: string;
    phone?: string | undefined;
    coordinates?: {
      latitude: number;
      longitude: number;
    } | undefined;
    isDefaultShipping: boolean;
    isDefaultBilling: boolean;
  };
  Customer: {
    id: string;
    email: string | null;
    status: "active" | "inactive" | "suspended";
    firstName?: string | undefined;
    lastName?: string | undefined;
    phone?: string | undefined;
    gender?: "female" | "male" | "other" | "undisclosed" | undefined;
    birthDate?: string | undefined;
    avatar?: string | undefined;
    language?: string | undefined;
    currency?: string | undefined;
    categories?: (string)[] | undefined;
    brands?: (string)[] | undefined;
    priceRange?: {
      min?: number | undefined;
      max?: number | undefined;
    } | undefined;
    notifications?: Record<string, boolean> | undefined;
    /** What stands now, of each purpose */
    consents: ({
      purpose: "newsletter" | "profiling" | "third_party" | "sms" | "terms" | "privacy";
      basis: "consent" | "contract" | "legitimate_interest";
      textVersion: string;
      granted: boolean;
      at: string;
    })[];
    twoFactor: boolean;
    registeredAt: string;
    updatedAt: string;
  };
  ListedCustomer: {
    id: string;
    email: string | null;
    status: "active" | "inactive" | "suspended";
    firstName?: string | undefined;
    lastName?: string | undefined;
    phone?: string | undefined;
    gender?: "female" | "male" | "other" | "undisclosed" | undefined;
    birthDate?: string | undefined;
    avatar?: string | undefined;
    language?: string | undefined;
    currency?: string | undefined;
    categories?: (string)[] | undefined;
    brands?: (string)[] | undefined;
    priceRange?: {
      min?: number | undefined;
      max?: number | undefined;
    } | undefined;
    notifications?: Record<string, boolean> | undefined;
    /** What stands now, of each purpose */
    consents: ({
      purpose: "newsletter" | "profiling" | "third_party" | "sms" | "terms" | "privacy";
      basis: "consent" | "contract" | "legitimate_interest";
      textVersion: string;
      granted: boolean;
      at: string;
    })[];
    twoFactor: boolean;
    registeredAt: string;
    updatedAt: string;
    suspendedFor?: string | undefined;
    /** That were placed by the account */
    orders: number;
    lastOrderAt?: string | undefined;
  };
  CustomerList: {
    items: (Schemas["ListedCustomer"])[];
    nextCursor: string | null;
  };
  CustomerExport: {
    format: "cartwright-export/1";
    exportedAt: string;
    customer: Schemas["Customer"];
    addresses: (Schemas["CustomerAddress"])[];
    /** All that was ever said, oldest first */
    consents: ({
      purpose: "newsletter" | "profiling" | "third_party" | "sms" | "terms" | "privacy";
      basis: "consent" | "contract" | "legitimate_interest";
      textVersion: string;
      granted: boolean;
      at: string;
    })[];
    sessions: ({
      id: string;
      startedAt: string;
      seenAt: string;
    })[];
    orders: (Schemas["GuestOrderDetail"])[];
  };
  TotpSecret: {
    secret: string;
    /** For the authenticator, as a QR code */
    uri: string;
  };
  RecoveryCodes: {
    /** Shown once; each is good once */
    recoveryCodes: (string)[];
  };
  Category: {
    id: string;
    name: string;
    parentId?: string | undefined;
    level: number;
    path: string;
    productCount: number;
    productCountBelow: number;
  };
  Brand: {
    id: string;
    name: string;
    productCount: number;
  };
  CategorySummary: {
    id: string;
    name: string;
    parentId?: string | undefined;
    level: number;
    path: string;
    retired: boolean;
  };
  BrandSummary: {
    id: string;
    name: string;
    retired: boolean;
  };
  Categories: {
    items: (Schemas["Category"])[];
  };
  Brands: {
    items: (Schemas["Brand"])[];
  };
  ImportSummary: {
    id: string;
    state: "waiting" | "running" | "finished" | "cancelled" | "failed";
    reason?: string | undefined;
    dryRun: boolean;
    publish: boolean;
    bytes: number;
    format?: string | undefined;
    rows?: number | undefined;
    products?: number | undefined;
    done: number;
    created: number;
    changed: number;
    unchanged: number;
    rejected: number;
    requestedAt: string;
    updatedAt: string;
  };
  Import: {
    id: string;
    state: "waiting" | "running" | "finished" | "cancelled" | "failed";
    reason?: string | undefined;
    dryRun: boolean;
    publish: boolean;
    bytes: number;
    format?: string | undefined;
    rows?: number | undefined;
    products?: number | undefined;
    done: number;
    created: number;
    changed: number;
    unchanged: number;
    rejected: number;
    requestedAt: string;
    updatedAt: string;
    rejects: ({
      row: number;
      product: string;
      field: string;
      value: string;
      reason: string;
    })[];
    leftOut: ({
      field: string;
      reason: string;
      rows: number;
      firstRow: number;
    })[];
    planned: ({
      row: number;
      product: string;
      outcome: "created" | "changed";
      steps: (string)[];
    })[];
  };
  ImportList: {
    items: (Schemas["ImportSummary"])[];
    nextCursor: string | null;
  };
  StaffProductListItem: {
    id: string;
    slug: string;
    name: string;
    brand?: string | undefined;
    category?: string | undefined;
    tags: (string)[];
    price?: Schemas["Money"] | undefined;
    priceRange?: {
      min: Schemas["Money"];
      max: Schemas["Money"];
    } | undefined;
    compareAtPrice?: Schemas["Money"] | undefined;
    featured?: true | undefined;
    image?: {
      url: string;
      alt?: string | undefined;
    } | undefined;
    available: number | null;
    stockStatus: "in_stock" | "low_stock" | "out_of_stock";
    createdAt: string;
    status?: "draft" | "published" | "archived" | undefined;
  };
  Product: {
    id: string;
    slug: string;
    name: string;
    brand?: string | undefined;
    category?: string | undefined;
    tags: (string)[];
    price?: Schemas["Money"] | undefined;
    priceRange?: {
      min: Schemas["Money"];
      max: Schemas["Money"];
    } | undefined;
    compareAtPrice?: Schemas["Money"] | undefined;
    featured?: true | undefined;
    image?: {
      url: string;
      alt?: string | undefined;
    } | undefined;
    available: number | null;
    stockStatus: "in_stock" | "low_stock" | "out_of_stock";
    createdAt: string;
    status: "draft" | "published" | "archived";
    brandId?: string | undefined;
    categoryId?: string | undefined;
    shortDescription?: string | undefined;
    description?: string | undefined;
    images: ({
      url: string;
      alt?: string | undefined;
      primary: boolean;
    })[];
    seo?: {
      title?: string | undefined;
      description?: string | undefined;
    } | undefined;
    specifications?: ({
      name: string;
      value: string;
    })[] | undefined;
    relatedProducts?: (string)[] | undefined;
    publishAt?: string | undefined;
    variants: ({
      sku: string;
      name?: string | undefined;
      price: Schemas["Money"];
      compareAtPrice?: Schemas["Money"] | undefined;
      attributes: Record<string, string>;
      barcode?: string | undefined;
      weightGrams?: number | undefined;
      available: number | null;
      stockStatus: "in_stock" | "low_stock" | "out_of_stock";
      backorders: boolean;
    })[];
    updatedAt: string;
  };
  GuestProductListItem: {
    id: string;
    slug: string;
    name: string;
    brand?: string | undefined;
    category?: string | undefined;
    tags: (string)[];
    price?: Schemas["Money"] | undefined;
    priceRange?: {
      min: Schemas["Money"];
      max: Schemas["Money"];
    } | undefined;
    compareAtPrice?: Schemas["Money"] | undefined;
    featured?: true | undefined;
    image?: {
      url: string;
      alt?: string | undefined;
    } | undefined;
    stockStatus: "in_stock" | "low_stock" | "out_of_stock";
    createdAt: string;
    available: number | null;
  };
  GuestProduct: {
    id: string;
    slug: string;
    name: string;
    brand?: string | undefined;
    category?: string | undefined;
    tags: (string)[];
    price?: Schemas["Money"] | undefined;
    priceRange?: {
      min: Schemas["Money"];
      max: Schemas["Money"];
    } | undefined;
    compareAtPrice?: Schemas["Money"] | undefined;
    featured?: true | undefined;
    image?: {
      url: string;
      alt?: string | undefined;
    } | undefined;
    stockStatus: "in_stock" | "low_stock" | "out_of_stock";
    createdAt: string;
    brandId?: string | undefined;
    categoryId?: string | undefined;
    shortDescription?: string | undefined;
    description?: string | undefined;
    images: ({
      url: string;
      alt?: string | undefined;
      primary: boolean;
    })[];
    seo?: {
      title?: string | undefined;
      description?: string | undefined;
    } | undefined;
    specifications?: ({
      name: string;
      value: string;
    })[] | undefined;
    relatedProducts?: (string)[] | undefined;
    updatedAt: string;
    available: number | null;
    status: "published";
    variants: ({
      sku: string;
      name?: string | undefined;
      price: Schemas["Money"];
      compareAtPrice?: Schemas["Money"] | undefined;
      attributes: Record<string, string>;
      barcode?: string | undefined;
      weightGrams?: number | undefined;
      stockStatus: "in_stock" | "low_stock" | "out_of_stock";
      backorders: boolean;
      available: number | null;
    })[];
  };
  ProductSummary: {
    id: string;
    slug: string;
    status: "draft" | "published" | "archived";
    sku?: string | undefined;
    price?: Schemas["Money"] | undefined;
  };
  ProductList: {
    items: (Schemas["StaffProductListItem"])[];
    nextCursor: string | null;
    total: number;
    totalIsMore?: true | undefined;
    corrected?: string | undefined;
    facets?: {
      category?: ({
        value: string;
        count: number;
      })[] | undefined;
      brand?: ({
        value: string;
        count: number;
      })[] | undefined;
      tag?: ({
        value: string;
        count: number;
      })[] | undefined;
    } | undefined;
  };
  GuestProductList: {
    items: (Schemas["GuestProductListItem"])[];
    nextCursor: string | null;
    total: number;
    totalIsMore?: true | undefined;
    corrected?: string | undefined;
    facets?: {
      category?: ({
        value: string;
        count: number;
      })[] | undefined;
      brand?: ({
        value: string;
        count: number;
      })[] | undefined;
      tag?: ({
        value: string;
        count: number;
      })[] | undefined;
    } | undefined;
  };
  RecentProducts: {
    items: (Schemas["GuestProductListItem"])[];
  };
  BestSellers: {
    items: ({
      sku: string;
      name: string;
      units: number;
    })[];
  };
  GuestBestSellers: {
    items: ({
      sku: string;
      name: string;
    })[];
  };
  WebhookEndpoint: {
    id: string;
    url: string;
    topics: (string)[];
    description?: string | undefined;
    status: "enabled" | "failing" | "disabled";
    reason?: string | undefined;
    failingSince?: string | undefined;
    replaying: boolean;
    secretRotatedAt?: string | undefined;
    createdAt: string;
    updatedAt: string;
  };
  WebhookEndpointWithSecret: {
    id: string;
    url: string;
    topics: (string)[];
    description?: string | undefined;
    status: "enabled" | "failing" | "disabled";
    reason?: string | undefined;
    failingSince?: string | undefined;
    replaying: boolean;
    secretRotatedAt?: string | undefined;
    createdAt: string;
    updatedAt: string;
    secret: string;
  };
  WebhookEndpointList: {
    items: (Schemas["WebhookEndpoint"])[];
    nextCursor: string | null;
  };
  WebhookEndpointDeleted: {
    id: string;
    deleted: true;
  };
  WebhookTest: {
    messageId: string;
    delivered: boolean;
    status?: number | undefined;
    reason?: string | undefined;
  };
  AuditTrail: {
    items: ({
      stream: string;
      revision: number;
      type: string;
      at: string;
      actor: string;
      correlationId: string;
      causationId?: string | undefined;
      ip?: string | undefined;
      userAgent?: string | undefined;
      changes: ({
        path: string;
        old?: string | number | boolean | null | undefined;
        new?: string | number | boolean | null | undefined;
        /** Personal or secret: that it was changed is all that is told */
        untold?: true | undefined;
      })[] | null;
      /** There are more changes than are told */
      more: boolean;
    })[];
    nextCursor: string | null;
  };
  Sales: {
    items: ({
      period: string;
      orders: number;
      units: number;
      gross: Schemas["Money"];
      refunds: Schemas["Money"];
      net: Schemas["Money"];
      /** Off the gross already; tax and shipping stand beside it */
      discounts: Schemas["Money"];
      tax: Schemas["Money"];
      shipping: Schemas["Money"];
      refundedTax: Schemas["Money"];
      refundedShipping: Schemas["Money"];
      fees: Schemas["Money"];
      unitsReturned: number;
      averageOrderValue: Schemas["Money"];
      newCustomers: number;
      returningCustomers: number;
    })[];
  };
  Refunds: {
    items: ({
      period: string;
      count: number;
      amount: Schemas["Money"];
      byCause: Record<string, {
        count: number;
        amount: Schemas["Money"];
      }>;
    })[];
  };
  ProductSales: {
    items: ({
      sku: string;
      name: string;
      units: number;
      revenue: Schemas["Money"];
    })[];
  };
  CategorySales: {
    items: ({
      category: string;
      units: number;
      revenue: Schemas["Money"];
    })[];
  };
  Funnel: {
    items: ({
      step: string;
      count: number;
    })[];
  };
  Tasks: {
    items: ({
      kind: "checkout" | "payment" | "order" | "webhook" | "cart" | "publication" | "import" | "stock" | "refund" | "approval" | "capture";
      id: string;
      orderId?: string | undefined;
      paymentId?: string | undefined;
      refundId?: string | undefined;
      amount?: Schemas["Money"] | undefined;
      dueAt: string | null;
      failures: number;
      reason: string | null;
      lastTriedAt: string | null;
      notBefore: string | null;
    })[];
    nextCursor: string | null;
  };
  RetriedTask: {
    kind: "checkout" | "payment" | "order" | "webhook" | "cart" | "publication" | "import" | "stock";
    id: string;
    done: boolean;
    reason: string | null;
  };
  SettledTask: {
    kind: "checkout" | "payment" | "order" | "webhook" | "cart" | "publication" | "import" | "stock";
    id: string;
    left: (string)[];
  };
  Projections: ({
    name: string;
    version: number;
    state: "live" | "rebuilding" | "catching_up" | "failed";
    position: string;
    head: string;
    lagEvents: number | null;
    lagMs: number;
    documents: number | null;
    parked: number;
    failure?: {
      message: string;
      failures: number;
      since: string;
    } | undefined;
    progress?: number | undefined;
    eventsPerSecond?: number | undefined;
    rebuild?: {
      state: "rebuilding" | "done" | "failed" | "stopped";
      lastStep?: string | undefined;
      startedAt: string;
      progress: number;
      events: number;
      eventsPerSecond: number;
    } | undefined;
  })[];
  Rebuild: {
    name: string;
    state: "rebuilding";
  };
  StoppingRebuild: {
    name: string;
    stopping: true;
  };
  RolledBack: {
    name: string;
    rolledBack: true;
  };
  ParkedDocuments: {
    items: ({
      key: string;
      position: string;
      eventType: string;
      reason: string;
      waiting: number;
    })[];
    nextCursor: string | null;
  };
  UnparkedDocument: {
    name: string;
    key: string;
    parked: boolean;
    outdated: number | null;
  };
  Stream: {
    stream: string;
    category: string;
    items: ({
      revision: number;
      position: string;
      id: string;
      type: string;
      time: string;
      data: unknown;
      metadata: Record<string, never>;
    })[];
    nextCursor: string | null;
    at?: {
      revision: number;
      time: string | null;
    } | undefined;
    state?: unknown | undefined;
  };
  Alive: {
    status: "ok";
  };
  Ready: {
    status: "ready" | "degraded";
    stores: Record<string, "ok" | "away">;
    troubles: ({
      about: string;
      reason: string;
    })[];
  };
  Feed: {
    items: (Schemas["OrderPlacedEvent"] | Schemas["OrderConfirmedEvent"] | Schemas["OrderPaidEvent"] | Schemas["OrderEditedEvent"] | Schemas["OrderShippedEvent"] | Schemas["OrderDeliveredEvent"] | Schemas["OrderDeliveryFailedEvent"] | Schemas["OrderLinesCancelledEvent"] | Schemas["OrderCancelledEvent"] | Schemas["OrderRefundedEvent"] | Schemas["ReturnRequestedEvent"] | Schemas["ReturnApprovedEvent"] | Schemas["ReturnRejectedEvent"] | Schemas["ReturnReceivedEvent"] | Schemas["ReturnInspectedEvent"] | Schemas["ReturnWithdrawnEvent"] | Schemas["ReturnClosedEvent"] | Schemas["PaymentAuthorizedEvent"] | Schemas["PaymentCapturedEvent"] | Schemas["PaymentFailedEvent"] | Schemas["PaymentVoidedEvent"] | Schemas["PaymentDisputedEvent"] | Schemas["PaymentDisputeEndedEvent"] | Schemas["RefundFailedEvent"] | Schemas["ProductCreatedEvent"] | Schemas["ProductChangedEvent"] | Schemas["ProductPublishedEvent"] | Schemas["ProductArchivedEvent"] | Schemas["StockLowEvent"] | Schemas["StockChangedEvent"])[];
    nextCursor: string;
    more: boolean;
  };
}
