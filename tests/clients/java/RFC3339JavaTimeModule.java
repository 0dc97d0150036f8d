// In place of the generated one, which mends what JavaTimeModule here does right.
package org.openapitools.client;

import com.fasterxml.jackson.databind.module.SimpleModule;

public class RFC3339JavaTimeModule extends SimpleModule {}
