package com.pixelzoo.client;

import java.io.Serializable;

/**
 * One field of a request that breaks a rule.
 *
 * @param field its path in the request, such as {@code options.diffusion.steps}
 * @param description what is wrong, the rule, and what is allowed
 */
public record FieldViolation(String field, String description) implements Serializable {}
