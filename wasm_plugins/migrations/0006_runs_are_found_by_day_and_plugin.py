from django.db import migrations, models


class AddIndexWithoutWaiting(migrations.AddIndex):
    """On PostgreSQL the table can be written meanwhile: workers go on, and keep their leases, however large it is."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        """Build the index."""
        if schema_editor.connection.vendor != 'postgresql':
            return super().database_forwards(app_label, schema_editor, from_state, to_state)
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.add_index(model, self.index, concurrently=True)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        """Drop it."""
        if schema_editor.connection.vendor != 'postgresql':
            return super().database_backwards(app_label, schema_editor, from_state, to_state)
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.remove_index(model, self.index, concurrently=True)


class Migration(migrations.Migration):
    """Indexes on what may be a large table, one after the other and outside of any transaction."""

    atomic = False

    dependencies = [
        ('wasm_plugins', '0005_admins_and_authors'),
    ]

    operations = [
        AddIndexWithoutWaiting(
            model_name='taskrun',
            index=models.Index(fields=['created_at', 'id'], name='wasm_plugins_run_asked'),
        ),
        AddIndexWithoutWaiting(
            model_name='taskrun',
            index=models.Index(fields=['plugin', 'created_at'], name='wasm_plugins_run_of'),
        ),
    ]
